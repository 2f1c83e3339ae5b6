"""What a model's predictions are worth, and tables of them: from arrays to files."""

"""Why does it not train: checks of data, model, learning rate, batch and speed, the most likely cause first."""

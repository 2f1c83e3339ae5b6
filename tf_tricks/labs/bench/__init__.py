"""What the labs are carried out on: pieces that are kept, data, quantities, verdicts, reports."""

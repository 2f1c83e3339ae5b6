"""Random numbers that depend on the seed and the examples' places in the stream alone."""

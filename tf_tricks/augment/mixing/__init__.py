"""Augmentations that mix examples in pairs."""

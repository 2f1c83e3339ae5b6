"""Augmentations that move pixels."""

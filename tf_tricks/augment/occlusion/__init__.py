"""Augmentations that hide a part of each image."""

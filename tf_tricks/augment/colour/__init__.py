"""Augmentations that change colors and values and move nothing."""

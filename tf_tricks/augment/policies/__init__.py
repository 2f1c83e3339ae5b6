"""Augmentations made of others: chosen, one after the other, or drawn from a list of operations."""

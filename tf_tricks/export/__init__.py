"""A model for other programs: written in their format, loaded again, and compared with what it was made of."""

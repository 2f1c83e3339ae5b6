"""A picture for each check that has measured something to be drawn."""

"""Configs: what a file says, the packaged ones, and the parts that it names."""

"""The programs behind the commands: flags and config in, the parts called, files out."""

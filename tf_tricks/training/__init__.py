"""The trainer: compiled train steps, evaluation, and runs that survive a kill."""

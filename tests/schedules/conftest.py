from hypothesis import settings

# The same examples in every run, and no time limits: busy machines are slow.
settings.register_profile("schedules", derandomize=True, database=None, deadline=None)
settings.load_profile("schedules")

"""How much memory data may take."""

from tf_tricks.errors import check_number


def budget(given: float | None = None) -> float:
    """Returns the bytes that a data set may take: what is given, or half of the memory that is free now.

    Args:
        given: bytes, at least 0, or None.

    Raises:
        RequestError: it is no such number.
    """
    if given is not None:
        return float(check_number("memory_budget", given, minimum=0))
    return free() / 2


def free() -> float:
    """Returns the bytes of memory that can be had without swapping, as the system and a container's limit allow."""
    import psutil

    available = float(psutil.virtual_memory().available)
    try:  # Linux control groups, version 2
        with open("/sys/fs/cgroup/memory.max") as most, open("/sys/fs/cgroup/memory.current") as used:
            return min(available, float(most.read()) - float(used.read()))
    except (OSError, ValueError):  # none, or "max"
        return available

"""Schedules that are functions of somebody's own."""

from collections.abc import Callable
from typing import Any

from tf_tricks.errors import RequestError, check_number, line_of


def checked(name: str, function: Any) -> Callable[[float], float]:
    """Returns the function of the epoch; what it raises becomes a sentence.

    Args:
        name: what a config calls it.
        function: what is to be a function of the epoch, or a number.

    Raises:
        RequestError: it is neither, or fails at the beginning.

    Example:
        >>> checked("mine:rate", lambda epoch: 0.1 / (1 + epoch))(1.0)
        0.05
    """
    if isinstance(function, (int, float)):
        number = check_number(f"the schedule {name!r}", function, minimum=0)
        return lambda epoch: number
    if not callable(function):
        raise RequestError(f"the schedule {name!r} must make a function of the epoch or a number, not {function!r}")

    def value(epoch):
        try:
            return function(epoch)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise RequestError(f"the schedule {name!r} fails at epoch {epoch:g}{line_of(error)}: {reason}") from error

    value(0.0)
    return value

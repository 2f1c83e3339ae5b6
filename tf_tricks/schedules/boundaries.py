"""Epochs at which something changes."""

import itertools
from collections.abc import Sequence

from tf_tricks.errors import RequestError, check_number


def check_epochs(name: str, epochs: Sequence[float]) -> Sequence[float]:
    """Returns `epochs` if it is a list of increasing numbers of at least 0, otherwise raises a `RequestError`.

    Example:
        >>> check_epochs("epochs", [30, 60])
        [30, 60]
    """
    if not isinstance(epochs, (list, tuple)):
        raise RequestError(f"{name} must be a list of increasing numbers, such as [30, 60], not {epochs!r}")
    for epoch in epochs:
        check_number(f"each of {name}", epoch, minimum=0)
    if any(before >= after for before, after in itertools.pairwise(epochs)):
        raise RequestError(f"{name} must increase from each to the next, not {list(epochs)!r}")
    return epochs

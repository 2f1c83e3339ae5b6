"""The largest batch that fits, in few compilations: memory grows about linearly with the batch."""

import bisect
from collections.abc import Callable, Sequence


def candidates(maximum: int, unit: int = 1) -> list[int]:
    """Returns the batches to choose from, ascending: every one up to 16, and above it 16 in each octave.

    Args:
        maximum: the largest.
        unit: of which all are multiples.

    Example:
        >>> candidates(40)[-6:]
        [31, 32, 34, 36, 38, 40]
    """
    found, batch = [], unit
    while batch <= maximum:
        found.append(batch)
        batch += max(1, 2 ** ((batch // unit).bit_length() - 5)) * unit if batch >= 16 * unit else unit
    return found


def largest_batch(measure: Callable[[int], int | None], limit: int, batches: Sequence[int], start: int) -> int | None:
    """Returns the largest of `batches` that fits, found by bisection, or None if none does.

    It was measured to fit, and the next larger one, if there is one, not to fit.

    Args:
        measure: function of a batch that returns the bytes it needs, or None if it does not fit.
        limit: the bytes that there are. Where two batches have been measured, the next to try is the one to which the
            line through them gives just as many.
        batches: ascending.
        start: about where to begin.

    Example:
        >>> asked = []
        >>> def measure(batch):
        ...     asked.append(batch)
        ...     return 10 + batch if batch <= 90 else None
        >>> largest_batch(measure, limit=100, batches=range(200), start=8)
        90
        >>> asked
        [8, 16, 90, 91]
    """
    fitting = {}  # batch to bytes
    low, high, stride = -1, len(batches), 1  # places in `batches`: the one fits, the other does not
    place = bisect.bisect_left(batches, start)
    while high - low > 1:
        place = min(max(place, low + 1), high - 1)
        needed = measure(batches[place])
        if needed is None:
            high = place
        else:
            low = place
            fitting[batches[place]] = needed
        guess = bisect.bisect_right(batches, _guess(fitting, limit, batches[place])) - 1
        if low < guess < high:
            place, stride = guess, 1
        else:
            place = low + stride if guess <= low else high - stride
            stride *= 2
    return batches[low] if low >= 0 else None


def _guess(fitting, limit, tried):
    """Returns the batch that is expected to need `limit` bytes."""
    if not fitting:
        return tried // 2
    batch = max(fitting)
    if len(fitting) == 1:
        return 2 * batch
    other = sorted(fitting)[-2]
    growth = (fitting[batch] - fitting[other]) / (batch - other)
    return batch + (limit - fitting[batch]) / growth if growth > 0 else 2 * batch

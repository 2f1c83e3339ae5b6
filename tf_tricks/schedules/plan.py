"""The rule that turns schedules into training steps: a step belongs to the epoch in which its middle lies.

With the batch size a schedule of the epoch, and the epoch a matter of how many examples were seen, rate and batch have
to switch on the same step, however the batches lie across the boundary.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules.base import get


class Step(NamedTuple):
    """One update.

    Attributes:
        examples_seen: k, examples that all updates before have seen; an integer.
        batch_size: b, examples of this update; an integer.
        learning_rate: of this update.
        epoch: of the step's middle, (k + b/2)/num_examples.
    """

    examples_seen: int
    batch_size: int
    learning_rate: float
    epoch: float


def next_step(
    examples_seen: int,
    num_examples: int,
    total_epochs: float,
    learning_rate: float | Named | Callable[[float], float],
    batch_size: float | Named | Callable[[float], float],
) -> Step | None:
    """Returns the update that comes after `examples_seen` examples, or None at the end of the run.

    The batch size at k/N tells where the middle of the step lies; batch size and learning rate are those at the middle.
    A run ends where the middle of the next step would lie beyond `total_epochs`.

    Args:
        examples_seen: k, at least 0.
        num_examples: N, examples in the training set.
        total_epochs: length of the run; fractions are fine.
        learning_rate: schedule, or what `get` takes.
        batch_size: schedule, or what `get` takes.

    Returns:
        A `Step`, or None.

    Raises:
        RequestError: the batch size is below 1.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.step_decay(0.1, epochs=(1,), factor=0.5)
        >>> next_step(96, 100, total_epochs=2, learning_rate=rate, batch_size=10)
        Step(examples_seen=96, batch_size=10, learning_rate=0.05, epoch=1.01)
    """
    placed = _place(examples_seen, num_examples, total_epochs, get(batch_size))
    if placed is None:
        return None
    size, middle = placed
    rate = check_number(f"the learning rate at epoch {middle:.4g}", get(learning_rate)(middle), minimum=0)
    return Step(examples_seen, size, rate, (examples_seen + size / 2) / num_examples)


def steps(
    num_examples: int,
    total_epochs: float,
    learning_rate: float | Named | Callable[[float], float],
    batch_size: float | Named | Callable[[float], float],
    examples_seen: int = 0,
) -> Iterator[Step]:
    """Yields all updates of a run, from `examples_seen` on.

    Args:
        num_examples: N, examples in the training set.
        total_epochs: length of the run; fractions are fine.
        learning_rate: schedule, or what `get` takes.
        batch_size: schedule, or what `get` takes.
        examples_seen: k, where to start.

    Yields:
        `Step`s, see `next_step`.

    Raises:
        RequestError: the batch size is below 1.

    Example:
        >>> [step.examples_seen for step in steps(100, total_epochs=1, learning_rate=0.1, batch_size=30)]
        [0, 30, 60]
    """
    learning_rate, batch_size = get(learning_rate), get(batch_size)
    while (step := next_step(examples_seen, num_examples, total_epochs, learning_rate, batch_size)) is not None:
        yield step
        examples_seen += step.batch_size


def count_updates(num_examples: int, total_epochs: float, batch_size: float | Named | Callable[[float], float]) -> int:
    """Returns how many updates a run takes.

    Args:
        num_examples: examples in the training set, at least 1.
        total_epochs: length of the run, at least 0; fractions are fine.
        batch_size: schedule, or what `get` takes.

    Returns:
        An integer.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> count_updates(50_000, total_epochs=200, batch_size=128)
        78125
    """
    check_number("num_examples", num_examples, minimum=1, integer=True)
    check_number("total_epochs", total_epochs, minimum=0)
    batch_size, updates, examples_seen = get(batch_size), 0, 0
    while (placed := _place(examples_seen, num_examples, total_epochs, batch_size)) is not None:
        updates += 1
        examples_seen += placed[0]
    return updates


def _place(examples_seen, num_examples, total_epochs, batch_size):
    """Returns the batch size and the epoch at which batch size and rate are taken, or None at the end."""
    middle = (examples_seen + _size_at(examples_seen / num_examples, batch_size) / 2) / num_examples
    if middle > total_epochs:
        return None
    return _size_at(middle, batch_size), middle


def _size_at(epoch, batch_size):
    size = batch_size(epoch)
    if not 1 <= size < math.inf:
        raise RequestError(f"batch_size must be a number at least 1, not {size!r} at epoch {epoch:g}")
    return int(size)

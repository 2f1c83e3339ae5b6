"""Schedules made of schedules: with a warm-up, and one after the other."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules import base
from tf_tricks.schedules.boundaries import check_epochs


@base.schedule(example={"schedule": {"name": "step_decay", "initial": 0.1, "epochs": [30], "factor": 0.1}, "epochs": 5})
def warm_up(schedule: base.Schedule, epochs: float, start: float = 0.0) -> Callable[[float], float]:
    """Multiplies any schedule by a ramp that rises linearly to 1 over the first epochs.

    Large batches want large rates, which the first updates do not survive. The schedule's own clock keeps running:
    a decay at epoch 30 comes at epoch 30.

    value(epoch) = schedule(epoch) · (start + (1 − start) · min(1, epoch/epochs))
    (Goyal et al. 2017, arXiv:1706.02677)

    Args:
        schedule: a schedule, or a number or dict that stands for one.
        epochs: length of the ramp, at least 0; 0 leaves it out.
        start: the factor at the beginning, from 0 to 1.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.warm_up(0.4, epochs=5, start=0.5)
        >>> rate(0.0), rate(5.0), rate(6.0)
        (0.2, 0.4, 0.4)
    """
    check_number("epochs", epochs, minimum=0)
    check_number("start", start, minimum=0, maximum=1)

    def value(epoch):
        if epoch >= epochs:
            return schedule(epoch)
        return schedule(epoch) * (start + (1 - start) * (epoch / epochs))

    return value


@base.schedule(example={"schedules": [0.1, {"name": "cosine_decay", "initial": 0.2, "total_epochs": 3}], "epochs": [5]})
def concatenate(schedules: list[base.Schedule], epochs: Sequence[float]) -> Callable[[float], float]:
    """One schedule after the other, each with a clock of its own that starts at 0.

    value(epoch) = schedules[i](epoch − epochs[i − 1]), i = number of `epochs` reached

    Args:
        schedules: list of schedules, or of numbers and dicts that stand for them. In a config, the `total_epochs` of
            a piece are the epochs until the next one.
        epochs: list of increasing numbers of at least 0, one less than `schedules`: where the next one begins.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range, or the lengths do not fit.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.concatenate([0.01, schedules.exponential_decay(0.4, decay_rate=0.5)], epochs=[5])
        >>> rate(4.9), rate(5.0), rate(7.0)
        (0.01, 0.4, 0.1)
    """
    check_epochs("epochs", epochs)
    if len(schedules) != len(epochs) + 1:
        raise RequestError(
            f"{len(schedules)} schedules need {max(len(schedules) - 1, 0)} boundaries between them, "
            f"not epochs={epochs!r}"
        )
    starts = [0, *epochs]

    def value(epoch):
        i = bisect_right(epochs, epoch)
        return schedules[i](epoch - starts[i])

    return value

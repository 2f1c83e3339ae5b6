"""Learning rates that follow the batch size."""

import math
from collections.abc import Callable

from tf_tricks.errors import check_number
from tf_tricks.schedules import base


@base.schedule(example={"schedule": 0.1, "batch_size": {"name": "per_replica", "batch_size": 64, "num_replicas": 8}})
def linear_scaling(
    schedule: base.Schedule, batch_size: base.Schedule, base_batch_size: float = 256
) -> Callable[[float], float]:
    """Multiplies the learning rate by the batch size: the same path through an epoch, in fewer and longer steps.

    value(epoch) = schedule(epoch) · batch_size(epoch)/base_batch_size
    (Krizhevsky 2014, arXiv:1404.5997; Goyal et al. 2017, arXiv:1706.02677, who begin with a warm-up)

    Args:
        schedule: the learning rate for a batch of `base_batch_size`, a number or a schedule.
        batch_size: examples per update, a number of at least 1 or a schedule; in a config, that of the run.
        base_batch_size: the batch that `schedule` was made for, at least 1.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.linear_scaling(0.1, batch_size=8192)(0.0)
        3.2
    """
    base.check_start("batch_size", batch_size, minimum=1)
    check_number("base_batch_size", base_batch_size, minimum=1)
    return lambda epoch: schedule(epoch) * (batch_size(epoch) / base_batch_size)


@base.schedule(example={"schedule": 0.1, "batch_size": 1024})
def square_root_scaling(
    schedule: base.Schedule, batch_size: base.Schedule, base_batch_size: float = 256
) -> Callable[[float], float]:
    """Multiplies the learning rate by the root of the batch size, which keeps the variance of an update the same.

    value(epoch) = schedule(epoch) · √(batch_size(epoch)/base_batch_size)   (Krizhevsky 2014, arXiv:1404.5997)

    Args:
        schedule: the learning rate for a batch of `base_batch_size`, a number or a schedule.
        batch_size: examples per update, a number of at least 1 or a schedule; in a config, that of the run.
        base_batch_size: the batch that `schedule` was made for, at least 1.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.square_root_scaling(0.1, batch_size=1024)(0.0)
        0.2
    """
    base.check_start("batch_size", batch_size, minimum=1)
    check_number("base_batch_size", base_batch_size, minimum=1)
    return lambda epoch: schedule(epoch) * math.sqrt(batch_size(epoch) / base_batch_size)

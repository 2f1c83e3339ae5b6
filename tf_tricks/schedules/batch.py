"""Schedules of the batch size: examples per update, over all replicas."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules.base import Schedule, check_start, schedule
from tf_tricks.schedules.boundaries import check_epochs

LARGEST = 2**31 - 1  # indices of a batch are int32 on accelerators


@schedule(example={"initial": 128, "epochs": [60, 120], "factor": 5, "maximum": 640})
def grow(initial: int, epochs: Sequence[float], factor: float, maximum: Any = None) -> Callable[[float], float]:
    """Multiplies the batch size by `factor` at each of `epochs`: what a rate decay by 1/factor does, in fewer updates.

    value(epoch) = min(maximum, round(initial · factor^(number of `epochs` reached)))
    (Smith et al. 2018, arXiv:1711.00489)

    Args:
        initial: examples per update at the start, an integer of at least 1.
        epochs: list of increasing numbers of at least 0.
        factor: number of at least 1.
        maximum: the largest batch, an integer of at least `initial`, or None.

    Returns:
        A `Schedule` of integers.

    Raises:
        RequestError: an argument is out of its range, or the batch grows beyond all bounds.

    Example:
        >>> from tf_tricks import schedules
        >>> size = schedules.grow(128, epochs=(60, 120, 160), factor=5, maximum=5120)
        >>> [size(epoch) for epoch in (0.0, 60.0, 120.0, 160.0)]
        [128, 640, 3200, 5120]
    """
    check_number("initial", initial, minimum=1, integer=True)
    check_epochs("epochs", epochs)
    check_number("factor", factor, minimum=1)
    if maximum is not None:
        check_number("maximum", maximum, minimum=initial, integer=True)
    sizes = [int(initial)]
    for _ in epochs:
        i = len(sizes)
        beyond = math.log(initial) + i * math.log(factor) > math.log(LARGEST)
        if beyond and maximum is None:
            raise RequestError(
                f"the factor {factor} at {len(epochs)} epochs makes a batch of more than {LARGEST} examples: "
                "give a smaller one, or a maximum"
            )
        size = maximum if beyond else round(initial * factor**i)
        sizes.append(int(size if maximum is None else min(size, maximum)))
    return lambda epoch: sizes[bisect_right(epochs, epoch)]


@schedule(example={"batch_size": 64, "num_replicas": 8})
def per_replica(batch_size: Schedule, num_replicas: int) -> Callable[[float], float]:
    """A batch that grows with the number of devices, `batch_size` examples for each of them.

    value(epoch) = batch_size · num_replicas. Goes with `linear_scaling` of the rate (Goyal et al. 2017,
    arXiv:1706.02677), which then follows the devices too.

    Args:
        batch_size: examples per update for each replica, an integer of at least 1, or a schedule of it.
        num_replicas: number of devices, an integer of at least 1; in a config, those of the run.

    Returns:
        A `Schedule` of integers.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.per_replica(256, num_replicas=8)(0.0)
        2048
    """
    check_start("batch_size", batch_size, minimum=1, integer=True)
    check_number("num_replicas", num_replicas, minimum=1, integer=True)
    return lambda epoch: int(batch_size(epoch)) * int(num_replicas)

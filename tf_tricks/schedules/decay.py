"""Schedules that go down: in steps, exponentially, as an inverse, a power or a cosine of time."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence

from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules.base import schedule
from tf_tricks.schedules.boundaries import check_epochs

LARGEST_EXPONENT = 38  # of a float32


@schedule(example={"initial": 0.1, "epochs": [30, 60], "factor": 0.1})
def step_decay(initial: float, epochs: Sequence[float], factor: float) -> Callable[[float], float]:
    """Multiplies by `factor` at each of `epochs`, the classic of residual networks.

    value(epoch) = initial · factor^(number of `epochs` reached)   (He et al. 2015, arXiv:1512.03385)

    Args:
        initial: the value at the start, above 0.
        epochs: list of increasing numbers of at least 0.
        factor: number above 0.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range, or the value grows beyond float32's.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.step_decay(0.4, epochs=(30, 60), factor=0.5)
        >>> rate(29.9), rate(30.0), rate(60.0)
        (0.4, 0.2, 0.1)
    """
    check_number("initial", initial, above=0)
    check_epochs("epochs", epochs)
    check_number("factor", factor, above=0)
    if math.log10(initial) + len(epochs) * math.log10(factor) > LARGEST_EXPONENT:
        raise RequestError(
            f"the factor {factor} at {len(epochs)} epochs makes a value of more than 1e{LARGEST_EXPONENT}: "
            "a decay has a factor below 1"
        )
    return lambda epoch: initial * factor ** bisect_right(epochs, epoch)


@schedule(example={"initial": 0.1, "decay_rate": 0.9})
def exponential_decay(initial: float, decay_rate: float) -> Callable[[float], float]:
    """Multiplies by `decay_rate` in every epoch, evenly.

    value(epoch) = initial · decay_rate^epoch

    Args:
        initial: the value at the start, above 0.
        decay_rate: what is left after one epoch, above 0 and at most 1.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.exponential_decay(0.4, decay_rate=0.5)(2.0)
        0.1
    """
    check_number("initial", initial, above=0)
    check_number("decay_rate", decay_rate, above=0, maximum=1)
    return lambda epoch: initial * decay_rate**epoch


@schedule(example={"initial": 0.1, "decay_rate": 0.5})
def inverse_time_decay(initial: float, decay_rate: float) -> Callable[[float], float]:
    """Decays like one over time, which satisfies the conditions of Robbins & Monro (1951) for convergence.

    value(epoch) = initial / (1 + decay_rate · epoch)

    Args:
        initial: the value at the start, above 0.
        decay_rate: number of at least 0; the value has halved after 1/decay_rate epochs.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.inverse_time_decay(0.4, decay_rate=1.5)(2.0)
        0.1
    """
    check_number("initial", initial, above=0)
    check_number("decay_rate", decay_rate, minimum=0)
    return lambda epoch: initial / (1 + decay_rate * epoch)


@schedule(example={"initial": 0.1, "total_epochs": 90, "power": 2.0})
def polynomial_decay(
    initial: float, total_epochs: float, power: float = 1.0, final: float = 0.0
) -> Callable[[float], float]:
    """Goes from `initial` to `final` as a power of the time that is left; linearly by default.

    value(epoch) = final + (initial − final) · (1 − epoch/total_epochs)^power, and `final` after `total_epochs`.

    Args:
        initial: the value at the start, above 0.
        total_epochs: when `final` is reached, above 0; in a config, the epochs of the run.
        power: number above 0.
        final: the value at the end, at least 0.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.polynomial_decay(0.4, total_epochs=10, power=2)(5.0)
        0.1
    """
    check_number("initial", initial, above=0)
    check_number("total_epochs", total_epochs, above=0)
    check_number("power", power, above=0)
    check_number("final", final, minimum=0)
    return lambda epoch: between(initial, final, (1 - min(epoch / total_epochs, 1.0)) ** power)


@schedule(example={"initial": 0.1, "total_epochs": 90, "final": 0.01})
def cosine_decay(initial: float, total_epochs: float, final: float = 0.0) -> Callable[[float], float]:
    """Goes from `initial` to `final` along half a period of the cosine: slowly, quickly, slowly.

    value(epoch) = final + (initial − final) · (1 + cos(π · epoch/total_epochs))/2, and `final` after `total_epochs`
    (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Args:
        initial: the value at the start, above 0.
        total_epochs: when `final` is reached, above 0; in a config, the epochs of the run.
        final: the value at the end, at least 0.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.cosine_decay(0.2, total_epochs=10)
        >>> rate(0.0), round(rate(5.0), 12), rate(10.0)
        (0.2, 0.1, 0.0)
    """
    check_number("initial", initial, above=0)
    check_number("total_epochs", total_epochs, above=0)
    check_number("final", final, minimum=0)
    return lambda epoch: between(initial, final, half_cosine(epoch / total_epochs))


@schedule(example={"initial": 0.1, "first_epochs": 10, "t_mul": 1.5})
def cosine_restarts(
    initial: float, first_epochs: float, t_mul: float = 2.0, m_mul: float = 1.0, final: float = 0.0
) -> Callable[[float], float]:
    """Cosine decay that starts again and again, each time for longer: SGDR.

    Restart i = 0, 1, … lasts first_epochs · t_mul^i epochs; in it, with x from 0 to 1,
    value = final + (initial − final) · m_mul^i · (1 + cos(π · x))/2   (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Args:
        initial: the value at the start, above 0.
        first_epochs: epochs until the first restart, above 0.
        t_mul: how many times longer each restart lasts than the one before, at least 1.
        m_mul: height above `final` at which a restart begins, as a part of the one before; above 0 and at most 1.
        final: the value just before each restart, at least 0.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.cosine_restarts(0.2, first_epochs=10)
        >>> [round(rate(epoch), 12) for epoch in (0.0, 5.0, 10.0, 20.0, 30.0)]
        [0.2, 0.1, 0.2, 0.1, 0.2]
    """
    check_number("initial", initial, above=0)
    check_number("first_epochs", first_epochs, above=0)
    check_number("t_mul", t_mul, minimum=1)
    check_number("m_mul", m_mul, above=0, maximum=1)
    check_number("final", final, minimum=0)

    def restart(epoch):
        """Returns the restart that `epoch` lies in, and how much of it is over."""
        if t_mul == 1:
            i, position = divmod(epoch, first_epochs)
            return i, position / first_epochs
        i, start, length = 0, 0, first_epochs
        while epoch >= start + length:
            i, start, length = i + 1, start + length, length * t_mul
        return i, (epoch - start) / length

    def value(epoch):
        i, position = restart(epoch)
        return between(initial, final, m_mul**i * half_cosine(position))

    return value


def between(start: float, end: float, share: float) -> float:
    """Returns end + (start − end) · share: `start` at 1, `end` at 0, both without rounding."""
    return start * share + end * (1 - share)


def half_cosine(position: float) -> float:
    """Returns (1 + cos(π · position))/2: from 1 at 0 to 0 at 1, and 0 from there on."""
    return (1 + math.cos(math.pi * min(position, 1.0))) / 2

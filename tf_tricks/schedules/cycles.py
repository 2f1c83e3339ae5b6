"""Schedules that go up and come down again within one run."""

from collections.abc import Callable

from tf_tricks.errors import RequestError, check_number
from tf_tricks.schedules.base import schedule
from tf_tricks.schedules.decay import between, half_cosine


@schedule(example={"maximum": 0.5, "total_epochs": 30})
def one_cycle(
    maximum: float,
    total_epochs: float,
    warm_up_share: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Callable[[float], float]:
    """Rises to a large value and falls to almost nothing, both along a cosine: super-convergence.

    With initial = maximum/div_factor, final = initial/final_div_factor, c(x) = (1 − cos(π·x))/2 and
    s = warm_up_share · total_epochs:

    value(epoch) = initial + (maximum − initial) · c(epoch/s) before s,
    value(epoch) = maximum + (final − maximum) · c((epoch − s)/(total_epochs − s)) from s on, and `final` after the end

    (Smith & Topin 2018, arXiv:1708.07120; the shape and the defaults are those of PyTorch's OneCycleLR. There
    the top and the end lie on an update, here at an epoch: over 100 updates the two differ by at most 1.2 % of the
    maximum, over 10,000 by 0.012 %. It moves the momentum, too, from 0.95 to 0.85 and back; this does not.)

    Args:
        maximum: the value at the top, above 0.
        total_epochs: length of the cycle, above 0; in a config, the epochs of the run.
        warm_up_share: part of the cycle that rises, above 0 and below 1.
        div_factor: maximum/initial, at least 1.
        final_div_factor: initial/final, at least 1.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.one_cycle(0.5, total_epochs=10)
        >>> [round(rate(epoch), 8) for epoch in (0.0, 1.5, 3.0, 6.5, 10.0)]
        [0.02, 0.26, 0.5, 0.250001, 2e-06]
    """
    check_number("maximum", maximum, above=0)
    check_number("total_epochs", total_epochs, above=0)
    check_number("warm_up_share", warm_up_share, above=0)
    if warm_up_share >= 1:
        raise RequestError(f"warm_up_share must be below 1, not {warm_up_share!r}")
    check_number("div_factor", div_factor, minimum=1)
    check_number("final_div_factor", final_div_factor, minimum=1)
    initial = maximum / div_factor
    final = initial / final_div_factor
    top = warm_up_share * total_epochs

    def value(epoch):
        if epoch < top:
            return between(initial, maximum, half_cosine(epoch / top))
        return between(maximum, final, half_cosine((epoch - top) / (total_epochs - top)))

    return value


@schedule(example={"initial": 0.1, "total_epochs": 30, "warm_up_epochs": 2, "decay_epochs": 5})
def warm_up_stable_decay(
    initial: float, total_epochs: float, warm_up_epochs: float, decay_epochs: float
) -> Callable[[float], float]:
    """Rises linearly, stays, and falls linearly to zero at the end: a run can be made longer without starting again.

    value(epoch) = initial · min(1, epoch/warm_up_epochs, (total_epochs − epoch)/decay_epochs), and 0 after the end
    (Hu et al. 2024, arXiv:2404.06395, WSD; with the linear decay of Hägele et al. 2024, arXiv:2405.18392).

    Args:
        initial: the value of the stable part, above 0.
        total_epochs: when zero is reached, above 0; in a config, the epochs of the run.
        warm_up_epochs: epochs of the rise from zero, at least 0; 0 leaves it out.
        decay_epochs: epochs of the fall to zero, at least 0; 0 leaves it out.

    Returns:
        A `Schedule`.

    Raises:
        RequestError: an argument is out of its range, or rise and fall do not fit into `total_epochs`.

    Example:
        >>> from tf_tricks import schedules
        >>> rate = schedules.warm_up_stable_decay(0.5, total_epochs=10, warm_up_epochs=1, decay_epochs=2)
        >>> [rate(epoch) for epoch in (0.0, 0.5, 1.0, 8.0, 9.0, 10.0)]
        [0.0, 0.25, 0.5, 0.5, 0.25, 0.0]
    """
    check_number("initial", initial, above=0)
    check_number("total_epochs", total_epochs, above=0)
    check_number("warm_up_epochs", warm_up_epochs, minimum=0)
    check_number("decay_epochs", decay_epochs, minimum=0)
    if warm_up_epochs + decay_epochs > total_epochs:
        raise RequestError(
            f"warm_up_epochs={warm_up_epochs} and decay_epochs={decay_epochs} do not fit into "
            f"total_epochs={total_epochs}"
        )

    def value(epoch):
        if epoch < warm_up_epochs:
            return initial * epoch / warm_up_epochs
        if epoch > total_epochs - decay_epochs and decay_epochs:
            return initial * max(total_epochs - epoch, 0.0) / decay_epochs
        return initial

    return value

"""The two stages of the lecture's search: coarse over the whole space, then finer where the best trials were."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tf_tricks.errors import RequestError, check_number

_BEST = 0.25  # of the coarse trials, between whose quantiles the finer stage looks
_QUANTILES = (0.1, 0.9)
_MARGIN = 0.1  # of what lies between the quantiles, on both sides
_FEWEST = 3  # trials that say where to look


class Stage(NamedTuple):
    """A stage of a search.

    Attributes:
        name: `"coarse"` or `"fine"`.
        first: the number of its first trial.
        trials: how many there are.
        epochs: how long each is trained.
    """

    name: str
    first: int
    trials: int
    epochs: float


def stages(trials: int, coarse_share: float, coarse_epochs: float, fine_epochs: float) -> list[Stage]:
    """Returns the stages that have trials, in their order.

    Args:
        trials: of all stages together.
        coarse_share: the part of them that is coarse, from 0 to 1.
        coarse_epochs: how long a coarse trial is trained.
        fine_epochs: how long a finer one is trained.

    Raises:
        RequestError: a number is out of its range, or too few are coarse to tell where to look.

    Example:
        >>> [(stage.name, stage.first, stage.trials) for stage in stages(16, 0.75, 3, 9)]
        [('coarse', 0, 12), ('fine', 12, 4)]
    """
    check_number("trials", trials, minimum=1, maximum=10**6, integer=True)
    check_number("coarse_share", coarse_share, minimum=0, maximum=1)
    check_number("coarse_epochs", coarse_epochs, above=0)
    check_number("fine_epochs", fine_epochs, above=0)
    coarse = round(trials * coarse_share)
    if coarse_share > 0 and trials - coarse > 0 and coarse < _FEWEST:
        raise RequestError(
            f"{coarse} of {trials} trials would be coarse, which is too few to tell where to look: take more trials, "
            "or coarse_share=1 for one stage"
        )
    found = [Stage("coarse", 0, coarse, coarse_epochs), Stage("fine", coarse, trials - coarse, fine_epochs)]
    return [stage for stage in found if stage.trials]


def narrowed(space: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], values: Sequence[float]) -> dict[str, Any]:
    """Returns the space in which the finer stage looks: bounds shrunk to the quantiles of the best trials.

    The best quarter counts, at least three. A number is drawn from between their 10 % and 90 % quantiles and a tenth of
    that on both sides, on its own scale; it never leaves the bounds that it had. A choice is one of those that the best
    trials have.

    Args:
        space: dict of path to Optuna distribution.
        trials: dicts of path to what was drawn, one for each trial that has ended well.
        values: of those trials, the higher the better.

    Returns:
        A dict of path to Optuna distribution; of choices, to a tuple of those that are left.

    Example:
        >>> from tf_tricks.search import log_uniform
        >>> tried = [{"rate": 10.0**-i} for i in range(5)]
        >>> found = narrowed({"rate": log_uniform(1e-4, 1.0)}, tried, [1, 2, 9, 8, 7])
        >>> f"{found['rate'].low:.1e} {found['rate'].high:.1e}"
        '1.1e-04 9.1e-03'
    """
    order = np.argsort(-np.asarray(values, "float64"), kind="stable")
    best = [trials[i] for i in order[: max(_FEWEST, math.ceil(_BEST * len(trials)))]]
    if len(best) < _FEWEST:
        return dict(space)
    found: dict[str, Any] = {}
    for path, distribution in space.items():
        drawn = [trial[path] for trial in best]
        if isinstance(distribution, CategoricalDistribution):
            kept = [c for c in distribution.choices if any(c == d and type(c) is type(d) for d in drawn)]
            found[path] = tuple(kept)
            continue
        scale, back = (np.log, np.exp) if distribution.log else (np.asarray, np.asarray)
        low, high = np.quantile(scale(drawn), _QUANTILES)
        margin = _MARGIN * (high - low)
        low, high = (float(back(bound)) for bound in (low - margin, high + margin))
        low, high = max(distribution.low, low), min(distribution.high, high)
        if isinstance(distribution, IntDistribution):
            found[path] = IntDistribution(math.floor(low + 1e-9), math.ceil(high - 1e-9), log=distribution.log)
        else:
            found[path] = FloatDistribution(low, high, log=distribution.log)
    return found

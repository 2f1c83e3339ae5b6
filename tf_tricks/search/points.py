"""The points of a space that samplers choose without looking at results: each is a function of the seed and its number.

So whoever trains a trial, and however often it is killed, it is the same one.
"""

import contextlib
import itertools
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import optuna

from tf_tricks.errors import RequestError

SAMPLERS = ("random", "grid", "quasi_random", "tpe")
"""What a search draws its trials by: at random, on a grid, by Sobol's points, or by what has been good so far."""


def points(sampler: str, space: Mapping[str, Any], number: int, seed: int) -> list[dict[str, Any]]:
    """Returns what each trial of a stage draws, a dict of path to value for each, by Optuna's samplers.

    Args:
        sampler: `"random"`, `"grid"` or `"quasi_random"`; those of `"tpe"` are drawn when their turn comes, and are
            empty here.
        space: dict of path to Optuna distribution, or to a tuple of values.
        number: of trials.
        seed: of the sampler.

    Returns:
        At most `number`: a grid has the same number of points along each axis.

    Raises:
        RequestError: a grid over this space has more points than that.

    Example:
        >>> from tf_tricks.search import choice, log_uniform
        >>> space = {"rate": log_uniform(0.01, 1.0), "size": choice(32, 64)}
        >>> [(round(point["rate"], 2), point["size"]) for point in points("grid", space, 7, seed=0)]
        [(0.01, 32), (0.01, 64), (0.1, 32), (0.1, 64), (1.0, 32), (1.0, 64)]
    """
    if sampler == "tpe":
        return [{} for _ in range(number)]
    distributions = {path: as_distribution(values) for path, values in space.items()}
    if sampler == "grid":
        return _grid(distributions, number)
    made = {
        "random": lambda: optuna.samplers.RandomSampler(seed=seed),
        "quasi_random": lambda: optuna.samplers.QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False),
    }[sampler]
    with quiet():
        study = optuna.create_study(sampler=made())
        drawn = []
        for _ in range(number + (sampler == "quasi_random")):
            trial = study.ask(distributions)
            drawn.append(dict(trial.params))
            study.tell(trial, 0.0)
    return drawn[-number:]  # the first of quasi-random trials only tells what the space is


def size_of(space: Mapping[str, Any]) -> float:
    """Returns how many points a space has; infinity where a number of it is not an integer.

    Args:
        space: dict of path to Optuna distribution.

    Example:
        >>> from tf_tricks.search import choice, integers, log_uniform
        >>> size_of({"a": choice(1, 2), "b": integers(1, 3)}), size_of({"a": log_uniform(1, 2)})
        (6, inf)
    """
    sizes: list[float] = []
    for distribution in space.values():
        if hasattr(distribution, "choices"):
            sizes.append(len(distribution.choices))
        else:
            integers = isinstance(distribution, optuna.distributions.IntDistribution)
            sizes.append(distribution.high - distribution.low + 1 if integers else math.inf)
    return math.prod(sizes)


def as_distribution(values: Any) -> Any:
    """Returns an Optuna distribution; a tuple of values becomes a choice of them.

    Args:
        values: distribution or tuple.
    """
    return optuna.distributions.CategoricalDistribution(values) if isinstance(values, tuple) else values


def _grid(space, number):
    """Every combination of as many values along each axis as `number` trials allow."""
    axes, along = _axes(space, 2), 2
    if math.prod(map(len, axes)) > number:
        raise RequestError(
            f"a grid of two values along each of {len(space)} axes, and of all choices, has "
            f"{math.prod(map(len, axes))} points, and this stage has {number} trials: take more, a smaller space, or "
            "another sampler"
        )
    while along < number and math.prod(map(len, finer := _axes(space, along + 1))) <= number:
        axes, along = finer, along + 1
    return [dict(zip(space, point)) for point in itertools.product(*axes)]


def _axes(space, along):
    return [_values(distribution, along) for distribution in space.values()]


def _values(distribution, along):
    """So many values of a distribution, at equal distances on its scale; all of its choices."""
    if hasattr(distribution, "choices"):
        return list(distribution.choices)
    if distribution.low == distribution.high:
        return [distribution.low]
    space = np.geomspace if distribution.log else np.linspace
    values = space(distribution.low, distribution.high, along)
    if type(distribution).__name__ == "IntDistribution":
        return sorted({round(float(value)) for value in values})
    return [float(min(max(value, distribution.low), distribution.high)) for value in values]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Within this context Optuna prints no line for each study and trial, and calls nothing experimental."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)

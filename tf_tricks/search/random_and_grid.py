"""The grid that a search might have tried instead, and what the value does along a parameter."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.search.importances import Importances


def most_important_ranges(found: Importances, space: Mapping[str, Any]) -> list[str]:
    """Returns the paths of the two most important parameters that are ranges of numbers; fewer if there are fewer.

    Args:
        found: the importances; where there are none, the space's order counts.
        space: dict of config path to Optuna's distribution.

    Example:
        >>> from optuna.distributions import CategoricalDistribution, FloatDistribution
        >>> space = {"batch_size": CategoricalDistribution([32, 64]), "l2": FloatDistribution(0, 1)}
        >>> most_important_ranges(Importances({}, "coarse", 0), space)
        ['l2']
    """
    return [path for path in (found.of or space) if _is_range(space[path])][:2]


def _is_range(distribution):
    return not hasattr(distribution, "choices") and distribution.low < distribution.high


def grid_of(number: int, first: Any, second: Any) -> list[tuple[float, float]]:
    """Returns the points of a grid over two ranges, evenly spaced on their scales, with at most so many points.

    Both ranges have as many values, or the second one more.

    Args:
        number: of the points, at least 1.
        first: Optuna's distribution of floats or integers.
        second: another one.

    Example:
        >>> from optuna.distributions import FloatDistribution
        >>> grid_of(5, FloatDistribution(0, 1), FloatDistribution(0.01, 1, log=True))
        [(0.0, 0.01), (0.0, 1.0), (1.0, 0.01), (1.0, 1.0)]
    """
    columns = math.isqrt(number)
    rows = number // columns
    return [(x, y) for x in _spaced(first, columns) for y in _spaced(second, min(rows, columns + 1))]


def _spaced(distribution, number):
    low, high = distribution.low, distribution.high
    parts = [0.5] if number == 1 else [i / (number - 1) for i in range(number)]
    if distribution.log:
        values = [min(max(low ** (1 - part) * high**part, low), high) for part in parts]
    else:
        values = [low + part * (high - low) for part in parts]
    return list(dict.fromkeys(round(v) if isinstance(low, int) else float(v) for v in values))


def smoothed(x: Sequence[float], y: Sequence[float], at: Sequence[float]) -> np.ndarray:
    """Returns means of `y`, weighted by a Gaussian of the distance of `x`, the narrower the more points there are.

    Args:
        x: of points.
        y: of the same points.
        at: where the means are wanted.

    Example:
        >>> smoothed([0.0, 1.0], [3.0, 5.0], [0.0, 0.5, 1.0]).round(3).tolist()
        [3.0, 4.0, 5.0]
    """
    points, places = np.asarray(x, float), np.asarray(at, float)
    width = np.ptp(places) / np.clip(2 * np.sqrt(len(points)), 8, 30) or 1.0
    exponents = -0.5 * ((places[:, None] - points) / width) ** 2
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))  # the nearest point counts, however far it is
    return weights @ np.asarray(y, float) / weights.sum(axis=1)

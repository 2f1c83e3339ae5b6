"""What a value of a config may be drawn from, as Optuna's distributions."""

import contextlib
import json
import math
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tf_tricks.errors import RequestError, check_number


def uniform(low: float, high: float) -> Any:
    """Returns the distribution of numbers from `low` to `high`, all alike.

    Args:
        low: the smallest.
        high: the largest, above `low`.

    Raises:
        RequestError: they cannot be such bounds.

    Example:
        >>> uniform(0.0, 0.5)
        FloatDistribution(high=0.5, log=False, low=0.0, step=None)
    """
    return FloatDistribution(*_bounds("uniform", low, high))


def log_uniform(low: float, high: float) -> Any:
    """Returns the distribution of numbers whose logarithms are all alike: what a learning rate is drawn from.

    Args:
        low: the smallest, above 0.
        high: the largest, above `low`.

    Raises:
        RequestError: they cannot be such bounds.

    Example:
        >>> log_uniform(1e-4, 1.0)
        FloatDistribution(high=1.0, log=True, low=0.0001, step=None)
    """
    low, high = _bounds("log_uniform", low, high, positive=True)
    return FloatDistribution(low, high, log=True)


def integers(low: int, high: int) -> Any:
    """Returns the distribution of the integers from `low` to `high`, both among them.

    Args:
        low: the smallest.
        high: the largest, above `low`.

    Raises:
        RequestError: they cannot be such bounds.

    Example:
        >>> integers(1, 4)
        IntDistribution(high=4, log=False, low=1, step=1)
    """
    return IntDistribution(*_bounds("integers", low, high, integer=True))


def log_integers(low: int, high: int) -> Any:
    """Returns the distribution of integers whose logarithms are all alike: what a width is drawn from.

    Args:
        low: the smallest, at least 1.
        high: the largest, above `low`.

    Raises:
        RequestError: they cannot be such bounds.

    Example:
        >>> log_integers(16, 256)
        IntDistribution(high=256, log=True, low=16, step=1)
    """
    low, high = _bounds("log_integers", low, high, positive=True, integer=True)
    return IntDistribution(low, high, log=True)


def choice(*values: Any) -> Any:
    """Returns the distribution of these values, each as likely as the others.

    Args:
        *values: whatever a config can hold: names, numbers, True and False, None, lists and dicts.

    Raises:
        RequestError: there are none, one is there twice, or a config cannot hold one.

    Example:
        >>> choice(None, "standard", {"name": "rand_augment", "magnitude": 9}).choices
        (None, 'standard', '{"name": "rand_augment", "magnitude": 9}')
    """
    if len(values) == 1 and isinstance(values[0], (list, tuple)) and len(values[0]) > 1:
        raise RequestError(f"choice takes the values one by one, choice({', '.join(map(repr, values[0]))})")
    if not values:
        raise RequestError("choice needs values to choose from, as choice(32, 64, 128)")
    texts = [_as_choice(value) for value in values]
    for i, text in enumerate(texts):
        if any(text == other and type(text) is type(other) for other in texts[:i]):
            raise RequestError(f"choice has the value {values[i]!r} twice")
    return CategoricalDistribution(texts)


def value_of(chosen: Any) -> Any:
    """Returns the value of a config that one of a distribution's choices stands for: lists and dicts are kept as JSON.

    Args:
        chosen: what Optuna has drawn.

    Example:
        >>> value_of(choice([64, 32], [8]).choices[0])
        [64, 32]
    """
    if isinstance(chosen, str) and chosen[:1] in ("{", "["):
        with contextlib.suppress(ValueError):  # a text of one's own may begin so
            return json.loads(chosen)
    return chosen


def _as_choice(value):
    """A choice as Optuna's storages can keep it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    try:
        return json.dumps(value.to_dict() if hasattr(value, "to_dict") else value)
    except TypeError as error:
        raise RequestError(f"choice has {value!r}, which no config can hold") from error


def _bounds(name, low, high, positive=False, integer=False):
    for what, value in (("low", low), ("high", high)):
        check_number(f"{what} of {name}", value, integer=integer, **({"above": 0} if positive else {}))
        if not math.isfinite(value):
            raise RequestError(f"{what} of {name} must be finite, not {value}")
    if low >= high:
        raise RequestError(f"{name}({low}, {high}) has no values between: low must be below high")
    return (int(low), int(high)) if integer else (float(low), float(high))

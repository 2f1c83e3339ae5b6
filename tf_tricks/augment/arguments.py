"""Checks of what augmentations are given."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Pair, Structure, Tensor
from tf_tricks.errors import RequestError, check_number


def check_range(
    name: str, pair: Pair, minimum: float | None = None, maximum: float | None = None
) -> tuple[float, float]:
    """Returns a pair (low, high) of floats, low ≤ high, or raises a `RequestError`.

    Args:
        name: of the argument, for the message.
        pair: two numbers.
        minimum: the smallest value allowed, or None.
        maximum: the largest value allowed, or None.
    """
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise RequestError(f"{name} must be a pair of numbers (low, high), not {pair!r}")
    low, high = (float(check_number(name, value, minimum=minimum, maximum=maximum)) for value in pair)
    if low > high:
        raise RequestError(f"{name} must be (low, high) with low at most high, not {pair!r}")
    return low, high


def check_channels(name: str, images: Tensor, allowed: Sequence[int]) -> int:
    """Returns the number of channels of `images`, or raises a `RequestError` if it is none of `allowed`."""
    channels = images.shape[-1]
    if channels not in allowed:
        numbers = " or ".join(map(str, allowed))
        raise RequestError(f"{name} takes images of {numbers} channels, not {channels}")
    return channels


def factor_range(name: str, value: Any) -> tuple[float, float]:
    """Returns the pair (low, high) of factors that `value` stands for, or raises a `RequestError`.

    Args:
        name: of the argument, for the message.
        value: a number d from 0, which stands for (max(0, 1 − d), 1 + d); or a pair of numbers from 0.

    Example:
        >>> factor_range("contrast", 0.25), factor_range("contrast", (0, 2))
        ((0.75, 1.25), (0.0, 2.0))
    """
    if isinstance(value, (tuple, list)):
        return check_range(name, value, minimum=0)
    check_number(name, value, minimum=0)
    return max(0.0, 1.0 - value), 1.0 + value


def symmetric(name: str, value: float | Pair, maximum: float) -> tuple[float, float]:
    """Returns the range (low, high) that an argument stands for: a number n for (−n, n), or a pair.

    Args:
        name: of the argument, for the message.
        value: a number from 0, or a pair (low, high).
        maximum: the largest absolute value allowed.

    Raises:
        RequestError: it is out of range.
    """
    if isinstance(value, (tuple, list)):
        return check_range(name, value, minimum=-maximum, maximum=maximum)
    value = float(check_number(name, value, minimum=0, maximum=maximum))
    return -value, value


def positive(name: str, pair: Pair, maximum: float | None = None) -> tuple[float, float]:
    """Returns a pair (low, high) of floats, 0 < low ≤ high, or raises a `RequestError`.

    Args:
        name: of the argument, for the message.
        pair: two numbers.
        maximum: the largest value allowed, or None.
    """
    low, high = check_range(name, pair, maximum=maximum)
    if low <= 0:
        raise RequestError(f"{name} must be (low, high) with low above 0, not {pair!r}")
    return low, high


def check_fill(fill_value: float | str) -> float | str:
    """Returns `fill_value` if it is a number or `"noise"`, otherwise raises a `RequestError`."""
    if isinstance(fill_value, str):
        if fill_value != "noise":
            raise RequestError(f"fill_value must be a number or 'noise', not {fill_value!r}")
        return fill_value
    return float(check_number("fill_value", fill_value))


_KERAS = "Keras's own layers move them, for example keras.layers.RandomFlip(bounding_box_format='xyxy')"
_STAY = "take augmentations that leave pixels where they are, such as brightness or cutout"
_REMEDIES = {
    "bounding_boxes": _KERAS,
    "boxes": _KERAS,
    "keypoints": _STAY,
    "segmentation_masks": "give masks that are integers as the argument masks",
}
"""What helps, for each key under which Keras and KerasHub keep what belongs to places in an image."""


def check_places(name: str, labels: Structure | None) -> None:
    """Raises a `RequestError` if labels hold what would have to move along with the pixels.

    Args:
        name: of the augmentation, for the message.
        labels: a tensor, or a structure of dicts and lists; None for none.

    Raises:
        RequestError: there are boxes, key points or masks.

    Example:
        >>> check_places("Flip", {"labels": [1], "colors": [2]})
        >>> check_places("Flip", {"labels": [1], "keypoints": [2]})
        Traceback (most recent call last):
        ...
        tf_tricks.errors.RequestError: Flip moves pixels but not 'keypoints', which would be wrong: take augmentations \
that leave pixels where they are, such as brightness or cutout
    """
    if not isinstance(labels, (dict, list, tuple)):
        return
    for path, _ in keras.tree.flatten_with_path(labels):
        for key in path:
            if key in _REMEDIES:
                raise RequestError(f"{name} moves pixels but not {key!r}, which would be wrong: {_REMEDIES[key]}")


def concrete(x: Tensor) -> np.ndarray | None:
    """Returns the values of a tensor as a NumPy array, or None where it is a symbol that stands for a value."""
    try:
        return np.asarray(x)
    except Exception:  # each backend has an error of its own for symbols
        return None

"""Structures of arrays, as Keras models take and give them: an array, or a dict, tuple or list of structures."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tf_tricks.annotations import Structure


def map_arrays(function: Callable[[Any], Any], values: Structure) -> Structure:
    """Returns the structure of `values` with `function` of each array; lists become tuples, as in `keras.Model.fit`.

    A list of numbers, or of lists of numbers, is an array.

    Example:
        >>> import numpy as np
        >>> map_arrays(np.shape, {"a": [np.zeros((2, 3)), np.zeros(2)], "b": [1, 2, 3]})
        {'a': ((2, 3), (2,)), 'b': (3,)}
    """
    if hasattr(values, "items") and not hasattr(values, "dtypes"):  # a dict; pandas's frames are arrays
        return {key: map_arrays(function, value) for key, value in values.items()}
    if isinstance(values, (list, tuple)) and any(_is_structure(value) for value in values):
        return tuple(map_arrays(function, value) for value in values)
    return function(values)


def described(values: Structure) -> str:
    """Returns `values` in words for a message: shapes and dtypes in place of numbers.

    Example:
        >>> described((np.zeros((2, 3)), [1, 2], None))
        '(float64 [2, 3], list, None)'
    """
    if hasattr(values, "shape") and hasattr(values, "dtype"):
        return f"{getattr(values.dtype, 'name', values.dtype)} {list(values.shape)}"
    if isinstance(values, dict):
        return "{" + ", ".join(f"{key!r}: {described(value)}" for key, value in values.items()) + "}"
    if isinstance(values, tuple):
        return "(" + ", ".join(map(described, values)) + ")"
    return repr(values) if values is None or isinstance(values, (str, int, float, bool)) else type(values).__name__


def _is_structure(value):
    if hasattr(value, "shape") and np.ndim(value):
        return True
    return isinstance(value, dict) or (isinstance(value, (list, tuple)) and any(map(_is_structure, value)))

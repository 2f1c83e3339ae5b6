"""Examples to look at, of any source, as arrays of numbers."""

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data import Source

_BYTES = 64e6
"""Of a block of examples, about."""


def spread(source: Source, most: int) -> np.ndarray:
    """Returns the indices of at most so many examples, evenly spaced: all, if there are no more.

    Example:
        >>> from tf_tricks.data import ArraySource
        >>> spread(ArraySource(np.zeros((10, 1)), np.zeros(10)), 4).tolist()
        [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, source.num_examples - 1, min(most, source.num_examples)).astype("int64"))


def fetched(source: Source, rows: np.ndarray) -> tuple[Any, Any, Any]:
    """Returns (inputs, labels, weights) of the examples at these indices, NumPy; None for what there is not."""
    indices = tf.constant(rows, tf.int64)
    parts = tf.nest.map_structure(np.asarray, source.fetch(indices, indices))
    return keras.utils.unpack_x_y_sample_weight(parts)


def blocks(source: Source, rows: np.ndarray, seconds: float = 20.0) -> Iterator[tuple[np.ndarray, Any, Any]]:
    """Yields (indices, inputs, labels) of these examples in blocks, until all were seen or the time is over.

    Args:
        source: of the examples.
        rows: their indices.
        seconds: after which no further block is read.
    """
    end, start, size = time.monotonic() + seconds, 0, 1
    while start < len(rows) and (start == 0 or time.monotonic() < end):
        some = rows[start : start + size]
        inputs, labels, _ = fetched(source, some)
        yield some, inputs, labels
        start += len(some)
        bytes_each = max(1, sum(array.nbytes for array in numbers(inputs)) // len(some))
        size = int(np.clip(_BYTES // bytes_each, 1, 8192))


def numbers(inputs: Any) -> list[np.ndarray]:
    """Returns the arrays of a structure of inputs that hold numbers, in its order; texts are left out.

    Example:
        >>> [array.tolist() for array in numbers({"a": np.array([1.5]), "b": np.array(["x"])})]
        [[1.5]]
    """
    return [array for array in tf.nest.flatten(inputs) if np.asarray(array).dtype.kind in "buif"]


def flat(inputs: Any, side: int = 32) -> np.ndarray:
    """Returns inputs as rows of float32 [n, d]; pictures that are larger than `side` are averaged down to it.

    Args:
        inputs: a structure of arrays [n, ...]; texts become the number of their text among those here.
        side: of pictures, in pixels.

    Example:
        >>> flat(np.ones((2, 64, 64, 3), "uint8"), side=8).shape
        (2, 192)
    """
    columns = []
    for array in tf.nest.flatten(inputs):
        array = np.asarray(array)
        if array.dtype.kind not in "buif":
            array = np.unique(array.astype(str), return_inverse=True)[1].reshape(array.shape)
        array = array.astype("float32")
        if is_pictures(array) and max(array.shape[1:3]) > side:
            array = np.asarray(tf.image.resize(array, (side, side), method="area"))
        columns.append(array.reshape(len(array), -1))
    return np.concatenate(columns, axis=1)


def is_pictures(array: np.ndarray) -> bool:
    """Returns whether an array [n, ...] is of pictures, by its shape [n, height, width, channels]."""
    return array.ndim == 4 and array.shape[-1] in (1, 2, 3, 4) and min(array.shape[1:3]) >= 4

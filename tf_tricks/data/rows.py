"""Rows of an array by their indices, inside `tf.data`: the array is held in memory once, or stays in its file."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Tensor

_ALIGNMENT = 64
"""Bytes at whose multiples an array must begin for TensorFlow to use it where it is."""
_LARGE = 2**28
"""Bytes from which an array is not copied: reading it through NumPy then costs less than having it twice."""


def rows_of(array: np.ndarray) -> Callable[[Tensor], Tensor]:
    """Returns a function that gathers rows of `array`, callable in a function of `tf.data`.

    An array that was made by `aligned_empty` is used where it lies. Others are copied while they are small; large ones
    and those of a file (`np.memmap`) are read through NumPy. What comes out is the same.

    Args:
        array: [n, ...], of numbers or, as objects, of texts.

    Returns:
        Function of int64 indices [b] that returns the rows, a tensor [b, ...].

    Example:
        >>> rows_of(np.array([[1, 2], [3, 4]], "int32"))(tf.constant([1, 1], tf.int64)).numpy().tolist()
        [[3, 4], [3, 4]]
    """
    in_a_file = isinstance(array, np.memmap)
    if not in_a_file and array.dtype != object and _is_aligned(array):
        with tf.device("CPU:0"):
            return _gather(tf.experimental.dlpack.from_dlpack(array.__dlpack__()))
    if in_a_file or (array.dtype != object and array.nbytes >= _LARGE):
        return _read(array)
    with tf.device("CPU:0"):
        return _gather(tf.convert_to_tensor(array))


def aligned_empty(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Returns a new array, its values undefined, that `rows_of` uses where it lies.

    Example:
        >>> aligned_empty((2, 3), "uint8").shape
        (2, 3)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def _is_aligned(array):
    known = array.dtype.kind in "iuf" and array.dtype.isnative
    return known and array.size and array.flags.c_contiguous and array.flags.writeable and not _offset(array)


def _offset(array):
    return array.ctypes.data % _ALIGNMENT


def _gather(tensor):
    return lambda indices: tf.gather(tensor, indices)


def _read(array):
    dtype, shape = tf.as_dtype(array.dtype), array.shape[1:]

    def read(indices):
        rows = tf.numpy_function(lambda rows: np.asarray(array[rows]), [indices], dtype, stateful=False)
        return tf.ensure_shape(rows, [*indices.shape, *shape])

    return read

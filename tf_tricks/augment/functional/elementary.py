"""Elementary functions of the examples' numbers that do not depend on how many examples there are.

TensorFlow's kernels for CPUs compute exp, log, cos and sin of 8 or 16 numbers at a time by one algorithm, and of those
left over by another one, which differs in the last bit: an example among the last 2 of 10 would get another angle than
among 16. So the numbers are filled up to a multiple of 16. XLA has one algorithm.
"""

from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import has_host_kernels

_LANES = 16  # float32 numbers of the widest vector, AVX-512


def exp(numbers: Tensor) -> Tensor:
    """Returns e to the power of `numbers`, float32 [b]."""
    return _in_whole_vectors(ops.exp, numbers)


def log(numbers: Tensor) -> Tensor:
    """Returns the natural logarithms of `numbers`, float32 [b]."""
    return _in_whole_vectors(ops.log, numbers)


def log1p(numbers: Tensor) -> Tensor:
    """Returns the natural logarithms of 1 + `numbers`, float32 [b]."""
    return _in_whole_vectors(ops.log1p, numbers)


def cos(numbers: Tensor) -> Tensor:
    """Returns the cosines of `numbers`, float32 [b].

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment.functional.elementary import cos
        >>> numbers = np.arange(10, dtype="float32")
        >>> bool((np.asarray(cos(numbers))[:3] == np.asarray(cos(numbers[:3]))).all())
        True
    """
    return _in_whole_vectors(ops.cos, numbers)


def sin(numbers: Tensor) -> Tensor:
    """Returns the sines of `numbers`, float32 [b]."""
    return _in_whole_vectors(ops.sin, numbers)


def _in_whole_vectors(function, numbers):
    numbers = ops.convert_to_tensor(numbers)
    if not has_host_kernels():
        return function(numbers)
    import tensorflow as tf

    size = tf.shape(numbers)[0]
    padded = tf.pad(numbers, [[0, -size % _LANES]])
    return tf.ensure_shape(function(padded)[:size], numbers.shape)

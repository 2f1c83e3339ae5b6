"""Which way an operation takes, on which backend and device, and its compiled programs.

Where TensorFlow runs without XLA, on CPUs and GPUs, pixels are gathered, and examples may be grouped by what happens to
them, in shapes that depend on values. Where XLA compiles the step, on a TPU, under `jit_compile` and on JAX, the same
result comes from multiplications by interpolation matrices and from selections, whose shapes are static.

TensorFlow's kernels read and write all images once for each operation, four bytes per value. XLA makes one loop of the
whole chain, from uint8 to uint8, in a fraction of the time. So where TensorFlow runs without XLA, chains of operations
are XLA programs of their own: see `fused`. The kernels stay for batches of unknown size, for which a program would have
to be made each time that another size comes, and for TensorFlow's TPU build, which has no compiler for the host.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import keras

from tf_tricks.annotations import Tensor

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def has_host_kernels() -> bool:
    """Returns whether TensorFlow's own kernels can be used here: its graph or eager mode, not compiled by XLA."""
    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

    return not GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def fused(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Makes of `function(images, *arguments)` one that XLA compiles where that is possible and not already under way.

    XLA compiles anew for each shape, in about 0.1 s, so a batch of unknown size is left to TensorFlow's kernels, and so
    is an empty one.

    Args:
        function: a pure function of `keras.ops`. Its first argument decides, images [b, ...] of any dtype; the others
            are tensors, Python numbers and functions.

    Example:
        >>> import numpy as np
        >>> @fused
        ... def invert(images, low, high):
        ...     return low + high - images
        >>> np.asarray(invert(np.array([[[[10.0]]]], "float32"), 0.0, 255.0)).ravel().tolist()
        [245.0]
    """

    @functools.wraps(function)
    def either_way(images, *arguments, **keywords):
        return (_compiled(function) if can_fuse(images) else function)(images, *arguments, **keywords)

    return cast(Callable[Arguments, Result], either_way)


def can_fuse(images: Tensor) -> bool:
    """Returns whether `fused` makes a program for these images: TensorFlow without XLA, and a batch of known size."""
    return bool(images.shape[0]) and has_host_kernels() and _has_compiler()


@functools.cache
def _has_compiler():
    """Returns whether XLA compiles for the host: in TensorFlow's TPU build it does so for TPUs only."""
    import tensorflow as tf

    with tf.init_scope(), tf.device("CPU"):
        try:
            tf.function(tf.identity, jit_compile=True)(0)
        except tf.errors.NotFoundError:
            return False
    return True


@functools.cache
def _compiled(function):
    import tensorflow as tf

    return tf.function(function, autograph=False, jit_compile=True)

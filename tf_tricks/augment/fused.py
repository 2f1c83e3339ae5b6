"""Chains of operations in one pass over memory.

TensorFlow's kernels read and write all images once for each operation, four bytes per value. XLA makes one loop of the
whole chain, from uint8 to uint8, in a fraction of the time. So where TensorFlow runs without XLA, the
augmentations are XLA programs of their own.
"""

import functools

from tf_tricks.augment.paths import has_host_kernels


def fused(function, images, *arguments):
    """Returns `function(images, *arguments)`, compiled by XLA where that is possible and not already under way.

    XLA compiles anew for each shape, in about 0.1 s, so a batch of unknown size is left to TensorFlow's kernels, and so
    is an empty one.

    Args:
        function: a pure function of `keras.ops`, defined in a module: it is kept, with what it was compiled to.
        images: [b, ...], of any dtype.
        *arguments: tensors, Python numbers and functions.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment.invert import invert
        >>> np.asarray(fused(invert, np.array([[[[10]]]], "uint8"), 0.0, 255.0)).ravel().tolist()
        [245]
    """
    return _compiled(function)(images, *arguments) if can_fuse(images) else function(images, *arguments)


def can_fuse(images):
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

    return tf.function(function, jit_compile=True)

"""Where an augmentation runs, and so which of two equal ways it takes: gathers, or matrix multiplications.

Where TensorFlow runs without XLA, on CPUs and GPUs, pixels are gathered, and examples may be grouped by what happens to
them, in shapes that depend on values. Where XLA compiles the step, on a TPU, under `jit_compile` and on JAX, the same
result comes from multiplications by interpolation matrices and from selections, whose shapes are static. This is the
one place that decides which.
"""

import keras
import numpy as np


def has_host_kernels():
    """Returns whether TensorFlow's own kernels can be used here: its graph or eager mode, not compiled by XLA."""
    if keras.config.backend() != "tensorflow":
        return False
    import tensorflow as tf
    from tensorflow.python.ops.control_flow_util import GraphOrParentsInXlaContext

    return not GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def concrete(x):
    """Returns the values of a tensor as a NumPy array, or None where it is a symbol that stands for a value."""
    try:
        return np.asarray(x)
    except Exception:  # each backend has an error of its own for symbols
        return None

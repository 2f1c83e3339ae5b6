"""The layers that the models of this package share, each choice made once."""

import keras

from tf_tricks.errors import RequestError, check_number


def batch_norm(gamma_initializer="ones"):
    """Returns a batch normalisation whose statistics are those of the whole batch, on however many replicas.

    Momentum 0.9 and ε = 10⁻⁵ are those of the ResNet papers (Keras's own are 0.99 and 10⁻³). Only Keras on TensorFlow
    knows the argument `synchronized`; elsewhere it is left at False. (A JAX program that is sharded over devices takes
    the mean over the whole array anyway.)

    The sum over replicas happens in the middle of the model. `tf.distribute.MirroredStrategy` on CPUs allows that at
    the top level of the function given to `strategy.run`, not inside a `tf.function` or `tf.while_loop` within it.

    Args:
        gamma_initializer: `"ones"`, or `"zeros"` for the last one of a residual block, which then starts as the
            identity (Goyal et al. 2017, arXiv:1706.02677, section 5.1).

    Example:
        >>> batch_norm().momentum
        0.9
    """
    return keras.layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=gamma_initializer,
        synchronized=keras.config.backend() == "tensorflow",
    )


def conv(x, filters, kernel_size, strides=1):
    """Returns a convolution of `x` without bias, He-initialised, zero-padded evenly on both sides.

    Args:
        x: images, [batch, height, width, channels].
        filters: number of channels of the output.
        kernel_size: height and width of the kernel.
        strides: 1, or 2 to halve height and width.

    Returns:
        [batch, ⌈height / strides⌉, ⌈width / strides⌉, filters] if the kernel size is odd.

    Example:
        >>> import keras
        >>> conv(keras.Input((32, 32, 3)), 16, 3, strides=2).shape
        (None, 16, 16, 16)
    """
    padding = "same"
    if strides > 1:
        # With strides, "same" pads an image of even size on one side only, which would shift the convolution by a pixel
        # against the shortcut beside it.
        padding = "valid"
        x = keras.layers.ZeroPadding2D(kernel_size // 2)(x) if kernel_size > 1 else x
    return keras.layers.Conv2D(filters, kernel_size, strides, padding, use_bias=False, kernel_initializer="he_normal")(
        x
    )


def relu(x):
    """Returns max(x, 0)."""
    return keras.layers.ReLU()(x)


def logits(x, num_outputs, kernel_initializer="glorot_uniform"):
    """Returns the model's outputs, float32 [batch, num_outputs] under every dtype policy: logits, or a regression.

    Args:
        x: features, [batch, features].
        num_outputs: number of classes, or of values to predict.
        kernel_initializer: of the dense layer.

    Example:
        >>> import keras
        >>> logits(keras.Input((64,)), num_outputs=10).shape
        (None, 10)
    """
    dense = keras.layers.Dense(int(num_outputs), kernel_initializer=kernel_initializer, dtype="float32", name="logits")
    return dense(x)


def check_common(num_outputs, dropout):
    """Raises a `RequestError` unless `num_outputs` is a whole number from 1 and `dropout` is in [0, 1).

    Example:
        >>> check_common(num_outputs=10, dropout=0.5)
    """
    check_number("num_outputs", num_outputs, minimum=1, integer=True)
    check_number("dropout", dropout, minimum=0)
    if dropout >= 1:
        raise RequestError(f"dropout must be below 1, not {dropout!r}")

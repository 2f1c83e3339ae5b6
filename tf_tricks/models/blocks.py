"""The layers that the models of this package share, each choice made once."""

from typing import Any

import keras

from tf_tricks import layers
from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import check_number


def normalization(layer: Named | keras.layers.Layer | None = None, zero_gamma: bool = False) -> keras.layers.Layer:
    """Returns a new normalization layer: batch normalization over the whole batch, or what `layer` names.

    The batch normalization is that of all replicas together, with momentum 0.9 and ε = 10⁻⁵ as in the ResNet papers
    (Keras's own are 0.99 and 10⁻³). Only Keras on TensorFlow knows the argument `synchronized`; elsewhere it is left at
    False. (A JAX program that is sharded over devices takes the mean over the whole array anyway.)

    The sum over replicas happens in the middle of the model. `tf.distribute.MirroredStrategy` on CPUs allows that at
    the top level of the function given to `strategy.run`, not inside a `tf.function` or `tf.while_loop` within it.

    Args:
        layer: what `tf_tricks.layers.get` takes, or None.
        zero_gamma: whether the scale γ starts at 0, as in the last one of a residual block, which then starts as the
            identity (Goyal et al. 2017, arXiv:1706.02677, section 5.1).

    Example:
        >>> normalization().momentum
        0.9
    """
    gamma_initializer = "zeros" if zero_gamma else "ones"
    if layer is not None:
        return layers.get(fresh(layer), gamma_initializer=gamma_initializer, zero_gamma=zero_gamma)
    return keras.layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=gamma_initializer,
        synchronized=keras.config.backend() == "tensorflow",
    )


def conv(
    x: Tensor, filters: int, kernel_size: int, strides: int = 1, layer: Named | keras.layers.Layer | None = None
) -> Tensor:
    """Returns a convolution of `x` without bias, He-initialized, zero-padded evenly on both sides.

    Args:
        x: images, [batch, height, width, channels].
        filters: number of channels of the output.
        kernel_size: height and width of the kernel.
        strides: 1, or 2 to halve height and width.
        layer: the convolution, as `tf_tricks.layers.get` takes it, without the arguments above; None for Keras's.

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
    arguments = dict(filters=filters, kernel_size=kernel_size, strides=strides, padding=padding, use_bias=False)
    return layers.get(fresh(layer or "conv2d"), kernel_initializer="he_normal", **arguments)(x)


def dropout(layer: float | Named | keras.layers.Layer) -> keras.layers.Layer:
    """Returns a new layer that drops: Keras's dropout for a number, otherwise what `tf_tricks.layers.get` takes.

    Example:
        >>> dropout(0.5).rate, dropout({"name": "drop_block", "rate": 0.1, "block_size": 3}).block_size
        (0.5, 3)
    """
    return keras.layers.Dropout(layer) if isinstance(layer, (int, float)) else layers.get(fresh(layer))


def fresh(layer: Any) -> Any:
    """Returns a copy of a layer or initializer, so that each place in a model has its own; others as they are."""
    if isinstance(layer, (keras.layers.Layer, keras.Initializer)):
        config = layer.get_config()
        config.pop("name", None)
        return type(layer).from_config(config)
    return layer


def relu(x: Tensor) -> Tensor:
    """Returns max(x, 0)."""
    return keras.layers.ReLU()(x)


def logits(
    x: Tensor,
    num_outputs: int,
    kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
    name: str = "logits",
) -> Tensor:
    """Returns the model's outputs, float32 [batch, num_outputs] under every dtype policy: logits, or a regression.

    Args:
        x: features, [batch, features].
        num_outputs: number of classes, or of values to predict.
        kernel_initializer: of the dense layer.
        name: of the dense layer.

    Example:
        >>> import keras
        >>> logits(keras.Input((64,)), num_outputs=10).shape
        (None, 10)
    """
    dense = keras.layers.Dense(int(num_outputs), kernel_initializer=kernel_initializer, dtype="float32", name=name)
    return dense(x)


def check_common(num_outputs: int, dropout: float | Named | keras.layers.Layer) -> None:
    """Raises a `RequestError` unless `num_outputs` is an integer from 1 and `dropout` a rate in [0, 1) or a layer.

    Example:
        >>> check_common(num_outputs=10, dropout=0.5)
    """
    check_number("num_outputs", num_outputs, minimum=1, integer=True)
    if isinstance(dropout, (int, float)) or dropout is None:
        check_number("dropout", dropout, minimum=0, below=1)
    else:
        layers.get(fresh(dropout))

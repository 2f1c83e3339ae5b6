"""Squeeze and excitation: each channel weighted by what all of them see in the whole image."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Named, Shape, Tensor
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("layers", "squeeze_excite", example={"ratio": 4})
@keras.saving.register_keras_serializable("tf_tricks")
class SqueezeExcite(keras.layers.Layer):
    """Weights the channels of an image by a small network that looks at their means.

    A convolution sees a small window; this lets what is anywhere in the image decide which channels matter. The mean of
    each channel over the image (squeeze) goes through two dense layers (excitation), whose outputs, between 0 and 1,
    multiply the channels. With z the [channels] means, δ the activation, σ the logistic function:

        y = x · σ(W₂ δ(W₁ z + b₁) + b₂),   W₁ [channels, channels / ratio]

    Hu et al. 2018, "Squeeze-and-excitation networks", arXiv:1709.01507: in a residual block, on the residual before it
    is added. The means are taken in float32 under mixed precision. (The paper gives no biases in its formula; its code
    has them.)

    Use it when a convolutional network is to gain accuracy for about 1 % more operations.

    Avoid it when channels are few, when latency counts (each one waits for the mean of the whole image), or when the
    position matters more than the content, as in segmentation of large images.

    Config:
        config.model = dict(name="resnet", depth=8, squeeze_and_excite=4)

    Args:
        ratio: by how much the hidden layer is narrower than the channels, at least 1; default 16. The hidden layer has
            at least one unit, so that 8 channels with ratio 16 do work.
        activation: of the hidden layer, as Keras knows it; default `"relu"`.

    Raises:
        RequestError: the ratio is below 1.

    Example:
        >>> import numpy as np
        >>> tuple(SqueezeExcite(ratio=4)(np.ones((2, 5, 5, 8), "float32")).shape)
        (2, 5, 5, 8)
    """

    def __init__(self, ratio: float = 16, activation: Named | Callable[..., Any] | None = "relu", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.ratio = check_number("ratio", ratio, minimum=1)
        self.activation = keras.activations.get(activation)
        self.input_spec = keras.layers.InputSpec(min_ndim=3)

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the two dense layers."""
        channels = input_shape[-1]
        hidden = max(1, int(channels // self.ratio))
        self.squeeze = keras.layers.Dense(
            hidden, self.activation, kernel_initializer="he_normal", dtype=self.dtype_policy, name="squeeze"
        )
        self.excite = keras.layers.Dense(channels, "sigmoid", dtype=self.dtype_policy, name="excite")
        self.squeeze.build((None, channels))
        self.excite.build((None, hidden))

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Returns [b, ..., channels], each channel of each example multiplied by its weight.

        Args:
            inputs: [b, ..., channels].
            mask: booleans [b, ...], the positions that the means are taken over, or None for all.
        """
        wide = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        axes = tuple(range(1, len(inputs.shape) - 1))
        if mask is None:
            means = ops.mean(wide, axis=axes)
        else:
            counts = ops.expand_dims(ops.cast(mask, wide.dtype), -1)
            means = ops.sum(wide * counts, axis=axes) / ops.maximum(ops.sum(counts, axis=axes), 1)
        weights = self.excite(self.squeeze(ops.cast(means, inputs.dtype)))
        return inputs * ops.reshape(weights, (-1, *(1 for _ in inputs.shape[1:-1]), inputs.shape[-1]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        activation = keras.activations.serialize(self.activation)
        return super().get_config() | {"ratio": self.ratio, "activation": activation}

"""Anti-aliased downsampling: blur before taking every second pixel."""

from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Shape, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("layers", "blur_pool")
@keras.saving.register_keras_serializable("tf_tricks")
class BlurPool2D(keras.layers.Layer):
    """Blurs an image and keeps every second pixel, so that small shifts change little.

    A strided convolution or pooling that keeps every second pixel folds the finest details into coarse ones (aliasing),
    and a shift of its input by one pixel may change its output altogether. A low-pass filter before it, the binomial
    coefficients in both directions, mends that; for kernel_size 3 the weights are:

        (1, 2, 1)ᵀ (1, 2, 1) / 16

    The border is reflected, the output has ⌈size / strides⌉ pixels. Zhang 2019, "Making convolutional networks
    shift-invariant again", arXiv:1904.11486. Where a network has max-pooling, take the maximum with stride 1 and then
    this layer; where it has a strided convolution, take stride 1, the activation, and then this layer.

    Use it when predictions must not flicker as an object moves, or when small shifts are the variation that the
    training data lack.

    Avoid it when time is short, since the convolution before it works at the full size, or when single pixels carry the
    information, as in small digits or text.

    Config:
        config.model = dict(name="resnet", depth=8, blur_pool=True)

    Args:
        kernel_size: pixels of the filter, at least 1 (no blur); default 3. The paper tries 2, 3 and 5.
        strides: every how many pixels one is kept, at least 1; default 2.

    Raises:
        RequestError: an argument is unusable, or an image is too small to be reflected at its border.

    Example:
        >>> import numpy as np
        >>> stripes = np.tile([[0.0, 1.0]], (4, 2)).reshape(1, 4, 4, 1).astype("float32")
        >>> np.asarray(BlurPool2D()(stripes))[0, :, :, 0].tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """

    def __init__(self, kernel_size: int = 3, strides: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.kernel_size = int(check_number("kernel_size", kernel_size, minimum=1, integer=True))
        self.strides = int(check_number("strides", strides, minimum=1, integer=True))
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape: Shape) -> None:
        """Checks that the border can be reflected."""
        for size in input_shape[1:3]:
            if size is not None and size <= self.kernel_size // 2:
                raise RequestError(
                    f"blur_pool with kernel_size {self.kernel_size} needs images of at least "
                    f"{self.kernel_size // 2 + 1} pixels a side, not {tuple(input_shape[1:3])}"
                )

    def call(self, inputs: Tensor) -> Tensor:
        """Returns images [b, ⌈height / strides⌉, ⌈width / strides⌉, c] of images [b, height, width, c]."""
        row = binomial(self.kernel_size)
        channels = inputs.shape[-1]
        kernel = np.tile(np.outer(row, row)[:, :, np.newaxis, np.newaxis], (1, 1, channels, 1))
        before, after = (self.kernel_size - 1) // 2, self.kernel_size // 2
        if self.kernel_size > 1:
            inputs = ops.pad(inputs, ((0, 0), (before, after), (before, after), (0, 0)), mode="reflect")
        kernel = ops.convert_to_tensor(kernel, dtype=inputs.dtype)
        return ops.depthwise_conv(inputs, kernel, self.strides, "valid", data_format="channels_last")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """[b, ⌈height / strides⌉, ⌈width / strides⌉, c]."""
        batch, height, width, channels = input_shape
        height, width = (None if size is None else -(-size // self.strides) for size in (height, width))
        return (batch, height, width, channels)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"kernel_size": self.kernel_size, "strides": self.strides}


def binomial(size: int) -> np.ndarray:
    """Returns the binomial coefficients of (1 + 1)^(size − 1), divided by their sum.

    Example:
        >>> binomial(5).tolist()
        [0.0625, 0.25, 0.375, 0.25, 0.0625]
    """
    row = np.ones(1)
    for _ in range(size - 1):
        row = np.convolve(row, [0.5, 0.5])
    return row

"""Where a network of others begins: raw images as pixels from 0 to 255, red, green and blue."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.models.stem import INPUT_DTYPES, check_image

PIXELS = (0.0, 255.0)

_SCALED = 5.0
"""No pixel of images that were scaled to 0…1 or -1…1, or standardized, is further from 0."""


def pixel_input(
    name: str,
    input_shape: Sequence[int],
    input_dtype: str = "float32",
    value_range: Sequence[float] = PIXELS,
    mean: Any = None,
    variance: Any = None,
) -> tuple[Tensor, Tensor]:
    """Returns a model's input and the same images as float32 pixels from 0 to 255, [batch, height, width, 3].

    Gray images are repeated three times. The pixels are float32 under every dtype policy.

    Args:
        name: the model as the user knows it.
        input_shape: shape of one image, (height, width, channels), with 1 or 3 channels.
        input_dtype: what the raw values are, `"float32"` or `"uint8"`.
        value_range: what black and white are in the raw images.
        mean: of the raw inputs, to see whether they have this range; or None.
        variance: likewise.

    Raises:
        RequestError: these are no such images, or have another range.

    Example:
        >>> import keras, numpy as np
        >>> inputs, x = pixel_input("net", (1, 1, 1), "uint8")
        >>> print(keras.Model(inputs, x).predict(np.full((1, 1, 1, 1), 7, "uint8"), verbose=0).ravel())
        [7. 7. 7.]
    """
    check_image(name, input_shape, halvings=0)
    if input_shape[-1] not in (1, 3):
        raise RequestError(f"{name} takes images of 1 or 3 channels, not {input_shape[-1]}")
    if input_dtype not in INPUT_DTYPES:
        raise unknown("input dtype", input_dtype, INPUT_DTYPES)
    low, high = _check_range(name, value_range, mean, variance)
    inputs = keras.Input(input_shape, dtype=input_dtype)
    scale = 255.0 / (high - low)
    x = keras.layers.Rescaling(scale, 0.0 - low * scale, dtype="float32")(inputs)
    if input_shape[-1] == 1:
        x = keras.layers.Concatenate(dtype="float32")([x, x, x])
    return inputs, x


def _check_range(name, value_range, mean, variance):
    if not isinstance(value_range, (tuple, list)) or len(value_range) != 2:
        raise RequestError(f"value_range must be what black and white are, such as [0, 255], not {value_range!r}")
    low, high = (check_number("each of value_range", value) for value in value_range)
    if low >= high:
        raise RequestError(f"value_range must rise, as [0, 255] does, not {value_range!r}")
    if mean is None or variance is None or high <= 20 * _SCALED:
        return low, high
    mean, deviation = np.asarray(mean, "float64"), np.sqrt(np.asarray(variance, "float64"))
    if np.max(np.abs(mean) + 3 * deviation) < _SCALED:
        raise RequestError(
            f"{name} takes pixels from {low:g} to {high:g}, and these images have a mean of {mean.mean():.3g} and a "
            f"standard deviation of {deviation.mean():.3g}: give them as they were, or say what black and white are, "
            "value_range=[0, 1]"
        )
    return low, high

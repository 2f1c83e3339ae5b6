"""Images of integers and of floats: from one to the other, and values for each example."""

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor


def to_float(images: Tensor) -> Tensor:
    """Returns images as floats: integers become float32, float16 and wider stay."""
    dtype = keras.backend.standardize_dtype(images.dtype)
    return images if "float" in dtype else ops.cast(images, "float32")


def like(values: Tensor, images: Tensor) -> Tensor:
    """Returns `values` in the dtype of `images`, rounded and clipped to its range if that is an integer's."""
    dtype = keras.backend.standardize_dtype(images.dtype)
    if keras.backend.standardize_dtype(values.dtype) == dtype:
        return values
    if "int" in dtype:
        bounds = np.iinfo(dtype)
        # ops.round rounds halves to even, on every backend alike.
        values = ops.clip(ops.round(values), float(bounds.min), float(bounds.max))
    return ops.cast(values, dtype)


def per_example(values: Tensor, images: Tensor) -> Tensor:
    """Returns `values` [b] in a shape that broadcasts against `images` [b, ...], in their dtype if that is a float."""
    dtype = keras.backend.standardize_dtype(images.dtype)
    values = ops.cast(values, dtype) if "float" in dtype and "float" in str(values.dtype) else values
    return ops.reshape(values, (-1, *[1] * (len(images.shape) - 1)))


def is_uint8(images: Tensor) -> bool:
    """Returns whether these are images of integers from 0 to 255."""
    return keras.backend.standardize_dtype(images.dtype) == "uint8"

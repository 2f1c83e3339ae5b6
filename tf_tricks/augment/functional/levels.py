"""Functions of single values: inverted, some of them inverted, and with fewer levels."""

from collections.abc import Callable

from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import fused
from tf_tricks.augment.functional.dtypes import is_uint8, per_example


def to_levels(images: Tensor, low: float, high: float) -> Tensor:
    """Returns the nearest of 256 levels for each value, int32 from 0 to 255: values of uint8 images are levels."""
    if is_uint8(images):
        return ops.cast(images, "int32")
    wide = ops.cast(images, "float32")
    wide = wide if (low, high) == (0, 255) else (wide - low) * (255.0 / (high - low))
    return ops.cast(ops.clip(ops.round(wide), 0.0, 255.0), "int32")


def from_levels(levels: Tensor, images: Tensor, low: float, high: float) -> Tensor:
    """Returns the values in [low, high] that levels from 0 to 255 stand for, in the dtype of `images`."""
    if is_uint8(images):
        return ops.cast(levels, "uint8")
    wide = ops.cast(levels, "float32")
    wide = wide if (low, high) == (0, 255) else low + wide * ((high - low) / 255.0)
    return ops.cast(wide, images.dtype)


@fused
def invert(images: Tensor, low: float, high: float) -> Tensor:
    """Returns the negatives of images: low + high − x.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> np.asarray(invert(np.array([[[[100], [200]]]], "uint8"), 0, 255)).ravel().tolist()
        [155, 55]
    """
    return ops.bitwise_not(images) if is_uint8(images) else (low + high) - images


@fused
def solarize(images: Tensor, threshold: Tensor, low: float, high: float) -> Tensor:
    """Returns images with each value from `threshold` on inverted: x ≥ threshold becomes low + high − x.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        threshold: float32 [b], in the images' unit; above `high` nothing changes.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image, threshold = np.array([[[[100], [200]]]], "uint8"), np.array([128.0], "float32")
        >>> np.asarray(solarize(image, threshold, 0, 255)).ravel().tolist()
        [100, 55]
    """
    if is_uint8(images):
        # In integers, x ≥ threshold is x > ⌈threshold⌉ − 1, and that is a uint8 if it is not negative.
        least = ops.reshape(ops.ceil(threshold), (-1, 1, 1, 1))
        below = ops.cast(ops.clip(least - 1.0, 0.0, 255.0), "uint8")
        return ops.where(ops.logical_or(images > below, least <= 0.0), invert(images, low, high), images)
    return ops.where(images >= per_example(threshold, images), invert(images, low, high), images)


@fused
def posterize(images: Tensor, bits: Tensor, low: float, high: float) -> Tensor:
    """Returns images of which the upper `bits` of the 8 bits of each value are kept, and the others are 0.

    Floats are first rounded to the nearest of 256 levels from `low` to `high`, save where all 8 bits are kept.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        bits: [b] numbers from 0 to 8, of which the integer part counts; 8 changes nothing.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image, bits = np.array([[[[100], [200]]]], "uint8"), np.array([1], "int32")
        >>> np.asarray(posterize(image, bits, 0, 255)).ravel().tolist()
        [0, 128]
    """
    dropped = 8 - ops.cast(ops.floor(bits), "int32")
    mask = per_example(ops.bitwise_and(ops.left_shift(ops.full_like(dropped, 255), dropped), 255), images)
    if is_uint8(images):
        return ops.bitwise_and(images, ops.cast(mask, "uint8"))
    posterized = from_levels(ops.bitwise_and(to_levels(images, low, high), mask), images, low, high)
    return ops.where(ops.equal(mask, 255), images, posterized)


@fused
def sometimes(images: Tensor, chosen: Tensor, function: Callable[..., Tensor], *arguments) -> Tensor:
    """Returns `function(images, *arguments)` for the examples that are `chosen` (bool [b]), and the others as given."""
    return ops.where(per_example(chosen, images), function(images, *arguments), images)

"""What the color augmentations share: mixing two images, the gray image, levels of gray, and ranges of arguments."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import check_range, like, per_example, to_float
from tf_tricks.errors import RequestError, check_number

_ONE = 2**14  # fixed-point 1: the product of a factor up to 256 and a uint8 stays below 2³¹


def blend(images, other, factor, low, high):
    """Returns factor · images + (1 − factor) · other, clipped to [low, high]: exactly `images` where the factor is 1.

    Args:
        images: uint8 or floats [b, h, w, c].
        other: floats that broadcast against `images`.
        factor: float32 [b], from 0; more than 1 goes away from `other`.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> images = np.full((2, 1, 1, 1), 100, "float32")
        >>> np.asarray(blend(images, images * 0, np.array([0.5, 3.0], "float32"), 0, 255)).ravel().tolist()
        [50.0, 255.0]
    """
    floats = to_float(images)
    factor = per_example(factor, floats)
    return like(ops.clip(factor * floats + (1 - factor) * other, low, high), images)


def blend_levels(images, other, factor):
    """Returns uint8 images blended with one number each, in fixed point: to within 1/60 of a level, and faster.

    Args:
        images: uint8 [b, h, w, c].
        other: float32 [b, 1, 1, 1].
        factor: float32 [b]; above 256 it counts as 256.

    Example:
        >>> import numpy as np
        >>> image, black = np.full((1, 1, 1, 1), 100, "uint8"), np.zeros((1, 1, 1, 1), "float32")
        >>> np.asarray(blend_levels(image, black, np.array([0.5], "float32"))).ravel().tolist()
        [50]
    """
    factor = ops.minimum(ops.reshape(factor, (-1, 1, 1, 1)), 256.0) * float(_ONE)
    part = ops.cast(ops.round((float(_ONE) - factor) * other), "int32") + _ONE // 2
    blended = ops.cast(images, "int32") * ops.cast(ops.round(factor), "int32") + part
    return ops.cast(ops.clip(ops.right_shift(blended, 14), 0, 255), "uint8")


def gray(images):
    """Returns the gray image, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), as in Pillow.

    Args:
        images: floats [b, h, w, 3]; or int32 with values of uint8, whose gray is rounded.

    Returns:
        [b, h, w, 1].
    """
    return gray_of(*(images[..., n : n + 1] for n in range(3)))


def gray_of(red, green, blue):
    """Returns the gray of three channels of one shape; see `gray`."""
    if "int" in keras.backend.standardize_dtype(red.dtype):
        return ops.right_shift(red * 19595 + green * 38470 + blue * 7471 + 32768, 16)
    return red * 0.299 + green * 0.587 + blue * 0.114


def sometimes(images, chosen, function, *arguments):
    """Returns `function(images, *arguments)` for the examples that are `chosen` (bool [b]), and the others as given."""
    return ops.where(per_example(chosen, images), function(images, *arguments), images)


def to_levels(images, low, high):
    """Returns the nearest of 256 levels for each value, int32 from 0 to 255: values of uint8 images are levels."""
    if is_uint8(images):
        return ops.cast(images, "int32")
    wide = ops.cast(images, "float32")
    wide = wide if (low, high) == (0, 255) else (wide - low) * (255.0 / (high - low))
    return ops.cast(ops.clip(ops.round(wide), 0.0, 255.0), "int32")


def from_levels(levels, images, low, high):
    """Returns the values in [low, high] that levels from 0 to 255 stand for, in the dtype of `images`."""
    if is_uint8(images):
        return ops.cast(levels, "uint8")
    wide = ops.cast(levels, "float32")
    wide = wide if (low, high) == (0, 255) else low + wide * ((high - low) / 255.0)
    return ops.cast(wide, images.dtype)


def is_uint8(images):
    """Returns whether these are images of integers from 0 to 255."""
    return keras.backend.standardize_dtype(images.dtype) == "uint8"


def check_channels(name, images, allowed):
    """Returns the number of channels of `images`, or raises a `RequestError` if it is none of `allowed`."""
    channels = images.shape[-1]
    if channels not in allowed:
        numbers = " or ".join(map(str, allowed))
        raise RequestError(f"{name} takes images of {numbers} channels, not {channels}")
    return channels


def factor_range(name, value):
    """Returns the pair (low, high) of factors that `value` stands for, or raises a `RequestError`.

    Args:
        name: of the argument, for the message.
        value: a number d from 0, which stands for (max(0, 1 − d), 1 + d); or a pair of numbers from 0.

    Example:
        >>> factor_range("contrast", 0.25), factor_range("contrast", (0, 2))
        ((0.75, 1.25), (0.0, 2.0))
    """
    if isinstance(value, (tuple, list)):
        return check_range(name, value, minimum=0)
    check_number(name, value, minimum=0)
    return max(0.0, 1.0 - value), 1.0 + value

"""Brightness, contrast, saturation, hue and gray: colors of images changed by the examples' own amounts."""

from collections.abc import Callable, Sequence

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.arguments import check_channels
from tf_tricks.augment.dispatch import fused
from tf_tricks.augment.functional.dtypes import is_uint8, like, per_example, to_float
from tf_tricks.augment.functional.per_pixel import per_pixel


def on_colors(function: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Returns the images with `function` applied to all channels but alpha.

    Args:
        function: takes and returns images [b, height, width, channels] of one dtype.
        images: [b, height, width, channels]; of 2 and 4 channels the last one is alpha.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[10, 20, 30, 40]]]], "uint8")
        >>> np.asarray(on_colors(lambda colors: 255 - colors, image)).ravel().tolist()
        [245, 235, 225, 40]
    """
    if images.shape[-1] not in (2, 4):
        return function(images)
    return ops.concatenate([function(images[..., :-1]), images[..., -1:]], axis=-1)


_ONE = 2**14  # fixed-point 1: the product of a factor up to 256 and a uint8 stays below 2³¹


def blend(images: Tensor, other: Tensor, factor: Tensor, low: float, high: float) -> Tensor:
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


def blend_levels(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
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


@fused
def blend_chains(images: Tensor, results: Tensor, weights: Sequence[Tensor], mixed: Tensor) -> Tensor:
    """Returns images blended with their chains' weighted mean.

    Args:
        images: [b, ...].
        results: [width · b, ...], of the chains one after another.
        weights: width tensors, float32 [b], above 0.
        mixed: float32 [b], the part of the mean, from 0 to 1.
    """
    results = ops.reshape(results, (len(weights), -1, *images.shape[1:]))
    total = sum(weights)
    mean = sum(per_example(weight / total, images) * to_float(results[n]) for n, weight in enumerate(weights))
    mixed = per_example(mixed, images)
    return like((1.0 - mixed) * to_float(images) + mixed * mean, images)


def gray(images: Tensor) -> Tensor:
    """Returns the gray image, 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601), as in Pillow.

    Args:
        images: floats [b, h, w, 3]; or int32 with values of uint8, whose gray is rounded.

    Returns:
        [b, h, w, 1].
    """
    return gray_of(*(images[..., n : n + 1] for n in range(3)))


def gray_of(red: Tensor, green: Tensor, blue: Tensor) -> Tensor:
    """Returns the gray of three channels of one shape; see `gray`."""
    if "int" in keras.backend.standardize_dtype(red.dtype):
        return ops.right_shift(red * 19595 + green * 38470 + blue * 7471 + 32768, 16)
    return red * 0.299 + green * 0.587 + blue * 0.114


@fused
def brightness(images: Tensor, factor: Tensor, low: float, high: float) -> Tensor:
    """Returns images blended with black: low + factor · (x − low), clipped to [low, high].

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        factor: float32 [b], from 0; 0 is black, 1 changes nothing.
        low: the smallest value, black.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image, factor = np.array([[[[100], [200]]]], "uint8"), np.array([1.5], "float32")
        >>> np.asarray(brightness(image, factor, 0, 255)).ravel().tolist()
        [150, 255]
    """
    if is_uint8(images):
        return blend_levels(images, ops.zeros((1, 1, 1, 1), "float32"), factor)
    floats = to_float(images)
    factor = per_example(factor, floats)
    brighter = floats * factor if low == 0 else low * (1 - factor) + floats * factor
    return like(ops.clip(brighter, low, high), images)


@fused
def contrast(images: Tensor, factor: Tensor, low: float, high: float) -> Tensor:
    """Returns images blended with a gray: m + factor · (x − m), clipped to [low, high].

    m is the mean of the gray image; of images that have not 3 channels, the mean of all values. It is not rounded to
    an integer, as Pillow does.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high].
        factor: float32 [b], from 0; 0 is gray, 1 changes nothing.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image, factor = np.array([[[[100], [200]]]], "uint8"), np.array([0.5], "float32")
        >>> np.asarray(contrast(image, factor, 0, 255)).ravel().tolist()
        [125, 175]
    """
    mean = _mean_of_gray(images)
    if is_uint8(images):
        return blend_levels(images, mean, factor)
    return blend(images, ops.cast(mean, to_float(images).dtype), factor, low, high)


def _mean_of_gray(images):
    """Returns the mean of each gray image, float32 [b, 1, 1, 1]."""
    _, height, width, channels = images.shape
    # The mean of the gray is the gray of the mean. A float16 cannot hold the sum of an image. To lay up to 16 parts of
    # an image on top of each other first is much faster on a CPU.
    parts = max(n for n in range(1, 17) if height % n == 0) if is_uint8(images) else 1
    stacked = ops.reshape(images, (-1, parts, height // parts * width, channels))
    dtype = "int32" if is_uint8(images) else "float32"
    summed = sum(ops.cast(stacked[:, n], dtype) for n in range(parts))
    means = ops.cast(ops.sum(summed, axis=1), "float32")[:, None, None] / (height * width)
    return gray(means) if channels == 3 else ops.mean(means, axis=-1, keepdims=True)


@fused
def saturation(images: Tensor, factor: Tensor, low: float, high: float) -> Tensor:
    """Returns images blended with their gray image: g + factor · (x − g), clipped to [low, high].

    Args:
        images: uint8 or floats [b, h, w, 3] in [low, high]; with one channel they are gray, and stay as they are.
        factor: float32 [b], from 0; 0 is gray, 1 changes nothing.
        low: the smallest value.
        high: the largest value.

    Raises:
        RequestError: the images have another number of channels.

    Example:
        >>> import numpy as np
        >>> image, factor = np.array([[[[200, 100, 0]]]], "uint8"), np.array([0.5], "float32")
        >>> np.asarray(saturation(image, factor, 0, 255)).ravel().tolist()
        [159, 109, 59]
    """
    if check_channels("saturation", images, (1, 3)) == 1:
        return images
    return blend(images, gray(to_float(images)), factor, low, high)


def hue(images: Tensor, shift: Tensor, low: float, high: float) -> Tensor:
    """Returns images whose hue is turned, with value and saturation (of HSV) kept.

    Args:
        images: uint8 or floats [b, h, w, 3] in [low, high].
        shift: float32 [b], in turns: 1/3 makes red green, green blue, and blue red; 0 and 1 change nothing.
        low: the smallest value.
        high: the largest value.

    Raises:
        RequestError: the images have not 3 channels.

    Example:
        >>> import numpy as np
        >>> red, third = np.array([[[[200, 100, 100]]]], "uint8"), np.array([1 / 3], "float32")
        >>> np.asarray(hue(red, third, 0, 255)).ravel().tolist()
        [100, 200, 100]
    """
    check_channels("hue", images, (3,))
    return per_pixel(_turned, images, shift, low, high)


def _turned(red, green, blue, shift, low, high):
    """Returns the three channels turned, float32."""
    red, green, blue = (ops.cast(channel, "float32") for channel in (red, green, blue))
    value = ops.maximum(ops.maximum(red, green), blue)
    chroma = value - ops.minimum(ops.minimum(red, green), blue)
    per_chroma = 1.0 / ops.where(chroma > 0, chroma, 1.0)
    sixths = ops.where(
        ops.equal(value, red),
        (green - blue) * per_chroma,
        ops.where(ops.equal(value, green), 2.0 + (blue - red) * per_chroma, 4.0 + (red - green) * per_chroma),
    )
    sixths = sixths + 6.0 * ops.reshape(shift, (-1, 1, 1))

    def channel(n):
        """The channel that is n sixths of a turn away from where it falls to its least."""
        k = sixths + float(n)
        k = k - 6.0 * ops.floor(k / 6.0)
        turned = value - chroma * ops.clip(ops.minimum(k, 4.0 - k), 0.0, 1.0)
        return ops.clip(turned, low, high)

    return [channel(n) for n in (5, 3, 1)]


def grayscale(images: Tensor, chosen: Tensor | None = None) -> Tensor:
    """Returns images whose 3 channels all have 0.299 red + 0.587 green + 0.114 blue.

    Args:
        images: integers or floats [b, h, w, 3]; with one channel they are gray, and stay as they are.
        chosen: bool [b], which examples to change, or None for all.

    Raises:
        RequestError: the images have another number of channels.

    Example:
        >>> import numpy as np
        >>> np.asarray(grayscale(np.array([[[[200, 100, 20]]]], "uint8"))).ravel().tolist()
        [121, 121, 121]
    """
    if check_channels("grayscale", images, (1, 3)) == 1:
        return images
    chosen = ops.ones(ops.shape(images)[:1], "bool") if chosen is None else chosen
    return per_pixel(_grayed, images, chosen)


def _grayed(red, green, blue, chosen):
    """Returns the three channels, gray where an example is `chosen` (bool [b])."""
    channels = red, green, blue
    if is_uint8(red):
        shade = ops.cast(gray_of(*(ops.cast(channel, "int32") for channel in channels)), "uint8")
    else:
        shade = like(gray_of(*map(to_float, channels)), red)
    return [ops.where(per_example(chosen, red), shade, channel) for channel in channels]

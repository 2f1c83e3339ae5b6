"""Filters: each value from those around it."""

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import is_uint8, like, to_float
from tf_tricks.errors import RequestError

_UNITS = 2**8  # to a level, between the two passes over uint8 images


def blur(images: Tensor, sigma: Tensor, low: float, high: float, kernel_size: int = 9) -> Tensor:
    """Returns images blurred with a Gaussian; outside of its border an image is mirrored at the border's pixels.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        sigma: float32 [b], the standard deviation in pixels, from 0, which changes nothing.
        low: the smallest value.
        high: the largest value.
        kernel_size: height and width of the kernel in pixels, odd: the Gaussian is cut off there.

    Raises:
        RequestError: the images are smaller than half the kernel.

    Example:
        >>> import numpy as np
        >>> image = np.array([[0, 0, 80, 0, 0]], "float32").reshape(1, 1, 5, 1) + np.zeros((1, 5, 1, 1), "float32")
        >>> blurred = blur(image, np.array([0.5], "float32"), 0.0, 255.0, kernel_size=3)
        >>> np.asarray(blurred)[0, 2, :, 0].round(1).tolist()
        [0.0, 8.5, 63.0, 8.5, 0.0]
    """
    radius = kernel_size // 2
    height, width = images.shape[1:3]
    if radius >= min(height, width):
        raise RequestError(f"a kernel_size of {kernel_size} needs images of more than {radius} pixels each way")
    if images.shape[0] and has_host_kernels():  # TensorFlow cannot mirror an empty batch
        along_y = _along_rows(_mirrored(images, radius), sigma, radius)
        return _along_columns(along_y, sigma, radius, images, low, high)
    floats = to_float(images)
    along_y = ops.einsum("biy,byxc->bixc", _matrix(sigma, height, radius, floats.dtype), floats)
    along_x = ops.einsum("bjx,bixc->bijc", _matrix(sigma, width, radius, floats.dtype), along_y)
    return like(ops.clip(along_x, low, high), images)


def _gauss(sigma, radius):
    """Returns the function of a distance [...] that gives the weights [b, ...] of normalized kernels."""
    scale = 0.5 / ops.maximum(sigma, 1e-3) ** 2
    total = 1.0 + 2.0 * sum((ops.exp(-scale * d**2) for d in range(1, radius + 1)), ops.zeros_like(scale))

    def weights(distance):
        shape = (-1, *[1] * len(distance.shape))
        weight = ops.exp(-ops.reshape(scale, shape) * distance**2) / ops.reshape(total, shape)
        return ops.where(ops.abs(distance) <= radius, weight, 0.0)

    return weights


def _matrix(sigma, size, radius, dtype):
    """Returns the weight of each of `size` pixels in a row for each pixel of the result, [b, size, size]."""
    gauss = _gauss(sigma, radius)
    row, pixel = ops.arange(size, dtype="float32")[:, None], ops.arange(size, dtype="float32")
    # A pixel counts once more where the border mirrors it; the border's own pixels are the mirror.
    before = ops.where(pixel > 0, gauss(row + pixel), 0.0)
    after = ops.where(pixel < size - 1, gauss(2 * (size - 1) - row - pixel), 0.0)
    return ops.cast(gauss(row - pixel) + before + after, dtype)


@fused
def _mirrored(images, radius):
    """Returns the images with a border of `radius` pixels, mirrored, [b, h + 2 radius, (w + 2 radius) · c]."""
    _, height, width, channels = images.shape
    rows = ops.reshape(images, (-1, height, width * channels))
    rows = ops.pad(rows, [(0, 0), (radius, radius), (0, 0)], mode="reflect")
    pixels = ops.reshape(rows, (-1, height + 2 * radius, width, channels))
    pixels = ops.pad(pixels, [(0, 0), (0, 0), (radius, radius), (0, 0)], mode="reflect")
    return ops.reshape(pixels, (-1, height + 2 * radius, (width + 2 * radius) * channels))


@fused
def _along_rows(mirrored, sigma, radius):
    """Returns the images blurred along y, still with a border on the left and right.

    Of uint8 images they are uint16 numbers, in units of 1/256: half the memory of floats, and right to 1/512.
    """
    height = mirrored.shape[1] - 2 * radius
    parts = [mirrored[:, n : n + height] for n in range(2 * radius + 1)]
    if not is_uint8(mirrored):
        return _sum(parts, sigma, radius)
    return ops.cast(ops.cast(_sum(parts, sigma, radius, _UNITS) + 0.5, "int32"), "uint16")


@fused
def _along_columns(rows, sigma, radius, images, low, high):
    """Returns what is blurred along x too, in the form of `images`."""
    width, channels = images.shape[2:]
    parts = [rows[..., n * channels : (n + width) * channels] for n in range(2 * radius + 1)]
    if is_uint8(images):
        blurred = _sum(parts, sigma, radius, 1 / _UNITS)
    else:
        blurred = ops.clip(_sum(parts, sigma, radius), low, high)
    return like(ops.reshape(blurred, images.shape), images)


def _sum(parts, sigma, radius, factor=1):
    """Returns `factor` · the weighted sum of 2 radius + 1 parts; two of one weight are added first, which is exact."""
    whole = "int" in keras.backend.standardize_dtype(parts[0].dtype)
    parts = [ops.cast(part, "int32") for part in parts] if whole else parts
    pairs = [parts[radius], *(parts[radius - d] + parts[radius + d] for d in range(1, radius + 1))]
    pairs = [to_float(pair) for pair in pairs]
    weights = _gauss(sigma, radius)(ops.arange(radius + 1, dtype="float32")) * float(factor)
    weights = ops.cast(weights, pairs[0].dtype)
    return sum(weights[:, d, None, None] * pair for d, pair in enumerate(pairs))


@fused
def sharpness(images: Tensor, factor: Tensor, low: float, high: float) -> Tensor:
    """Returns images blended with what a small kernel smooths them to: s + factor · (x − s), clipped to [low, high].

    The kernel is [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13. The pixels at the border stay as they are.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        factor: float32 [b], from 0; 0 is smoothed, 1 changes nothing, more sharpens.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((1, 3, 3, 1), "uint8")
        >>> image[0, 1, 1] = 130
        >>> np.asarray(sharpness(image, np.array([0.0], "float32"), 0, 255))[0, 1, 1].tolist()
        [50]
    """
    _, height, width, channels = images.shape
    if min(height, width) < 3:  # all pixels are border
        return images
    # Rows as they lie in memory, pixel by pixel, so that a CPU reads them in one go.
    rows = ops.reshape(images, (-1, height, width * channels))
    padded = _wider(ops.pad(rows, [(0, 0), (1, 1), (channels, channels)]))
    rows = _wider(rows)
    square = sum(
        padded[:, down : down + height, right * channels : (right + width) * channels]
        for down in range(3)
        for right in range(3)
    )
    inside = np.zeros((height, width, channels), bool)
    inside[1:-1, 1:-1] = True
    change = ops.where(inside.reshape(height, -1), to_float(square - 9 * rows) / 13, 0)
    rows = to_float(rows)
    weight = ops.reshape(1 - ops.cast(factor, rows.dtype), (-1, 1, 1))
    return ops.reshape(like(ops.clip(rows + weight * change, low, high), images), (-1, height, width, channels))


def _wider(rows):
    return ops.cast(rows, "int16") if is_uint8(rows) else rows  # the sums are at most 9 · 255

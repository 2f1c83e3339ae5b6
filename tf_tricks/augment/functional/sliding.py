"""Moving pixels along one axis by a bounded distance, where XLA compiles, without matrix multiplications: exact.

What is at place p comes from p + shift. The part of the image that starts at ⌊shift⌋ is chosen from all that there can
be, which are static slices; the TPU compiler makes one pass over the images of that. Between two of its pixels the
value is interpolated.
"""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.functional.dtypes import like, to_float

_DIRECT = 80  # so many slices are chosen from at once


def slide(
    images: Tensor, shift: Tensor, axis: int, largest: Any, interpolation: str = "bilinear", fill_value: float = 0.0
) -> Tensor:
    """Returns images moved along one axis: what is at place p comes from p + shift. For XLA.

    Args:
        images: [b, height, width, channels] of any dtype.
        shift: float32 [b, 1], or [b, n] for n rows or columns that move apart: those of the other axis.
        axis: 1 to move along columns (up and down), 2 to move along rows.
        largest: a bound of |shift|, a number; the smaller it is the less work there is.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.

    Returns:
        The images in their dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image = np.arange(1, 4, dtype="float32").reshape(1, 1, 3, 1)
        >>> np.asarray(slide(image, np.array([[0.5]], "float32"), axis=2, largest=1)).ravel().tolist()
        [1.5, 2.5, 1.5]
    """
    size = images.shape[axis]
    largest = min(size, math.ceil(largest - 1e-6))  # beyond, nothing of the image is left
    shift = ops.clip(shift, -largest, largest)
    shift = shift[:, None, :, None] if axis == 1 else shift[:, :, None, None]
    if interpolation == "nearest":
        whole = ops.cast(ops.floor(shift + 0.5), "int32")
        return window(pad(images, axis, (largest, largest), fill_value), whole + largest, axis, size, 2 * largest + 1)
    floats, whole = to_float(images), ops.floor(shift)
    padded = pad(floats, axis, (largest, largest + 1), fill_value)
    taken = window(padded, ops.cast(whole, "int32") + largest, axis, size + 1, 2 * largest + 1)
    before, after = (_slice(taken, axis, start, size) for start in (0, 1))
    return like(before + ops.cast(shift - whole, floats.dtype) * (after - before), images)


def window(images: Tensor, offset: Tensor, axis: int, size: int, number: int) -> Tensor:
    """Returns, of each image (or row), the part of a given size that starts at its offset: exact copies. For XLA.

    It is chosen from static slices, which the TPU compiler does in one pass over the images. From very many it is
    chosen in two steps, so that only about twice the square root of their number is needed.

    Args:
        images: [b, height, width, channels] of any dtype.
        offset: int32 that broadcasts against the images and is 1 along `axis`, from 0 to number − 1.
        axis: 1 or 2, along which parts are taken.
        size: of the part; at most the images' size along `axis`, less number − 1.
        number: how many offsets there are.
    """
    step = 1 if number <= _DIRECT else math.ceil(number**0.5)
    if step > 1:
        coarse = -(-number // step)
        images = pad(images, axis, (0, max(0, coarse * step - 1 + size - images.shape[axis])), 0)
        images = _choose_slice(images, offset // step, axis, size + step - 1, range(0, coarse * step, step))
        offset, number = offset % step, step
    return _choose_slice(images, offset, axis, size, range(number))


def pad(images: Tensor, axis: int, margins: tuple[int, int], fill_value: float | Tensor) -> Tensor:
    """Returns images of any dtype with `margins`, a pair of numbers of pixels, added along `axis`."""
    widths = [(0, 0)] * 4
    widths[axis] = margins
    fill_value = np.array(fill_value, keras.backend.standardize_dtype(images.dtype))
    return ops.pad(images, widths, constant_values=fill_value)


def _slice(images, axis, start, size):
    return images[(slice(None),) * axis + (slice(start, start + size),)]


def _choose_slice(images, choice, axis, size, starts):
    """Returns, of each image, the slice of `size` along `axis` at starts[choice]."""
    chosen = _slice(images, axis, starts[0], size)
    for number, start in enumerate(starts[1:], start=1):
        chosen = ops.where(ops.equal(choice, number), _slice(images, axis, start, size), chosen)
    return chosen

"""Moves by whole pixels, with a flip and a painted rectangle in the same pass."""

from collections.abc import Sequence

from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import like, per_example
from tf_tricks.augment.functional.flipping import flip
from tf_tricks.augment.functional.gathering import at_whole_places, crops
from tf_tricks.augment.functional.rectangles import erase, paint
from tf_tricks.augment.functional.sliding import pad, window


def shift_and_flip(
    images: Tensor,
    down: Tensor,
    right: Tensor,
    flipped: Tensor | None = None,
    fill_value: float = 0.0,
    largest: int | Sequence[int] | None = None,
    hole: tuple[Tensor, Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """Returns the images' crops of their own size, some of them flipped from left to right; exact copies of pixels.

    Pixel (i, j) of the result is pixel (i + down, j' + right) of the image, where j' = width − 1 − j if the example is
    flipped and j otherwise; pixels outside of the image have the fill value.

    Args:
        images: [b, height, width, channels] of any dtype.
        down: int32 [b], how many pixels the crop lies below the image; the contents move up.
        right: int32 [b], how many it lies to the right.
        flipped: bool [b], or None for no example.
        fill_value: what pixels outside of the image have.
        largest: a bound of |down| and |right|, one integer or a pair; None for the images' height and width.
            The smaller it is the less work there is.
        hole: int32 [b] each, (top, left, height, width) of a rectangle of each result that has the fill value, or None.

    Example:
        >>> import numpy as np
        >>> image, down, right = np.arange(6).reshape(1, 2, 3, 1), np.array([1], "int32"), np.array([-1], "int32")
        >>> np.asarray(shift_and_flip(image, down, right, np.array([True]), -1))[0, :, :, 0].tolist()
        [[4, 3, -1], [-1, -1, -1]]
    """
    images = ops.convert_to_tensor(images)
    size = tuple(images.shape[1:3])
    largest = size if largest is None else largest
    largest = largest if isinstance(largest, (tuple, list)) else (largest, largest)
    largest = [min(most, side) for most, side in zip(largest, size)]  # beyond, nothing of the image is left
    down, right = (ops.clip(shift, -most, most) for shift, most in zip((down, right), largest))
    if can_fuse(images):
        images = crops(images, down, right, tuple(largest), fill_value)
    elif has_host_kernels():
        images = at_whole_places(images, down, right, fill_value)
    else:
        for axis, (shift, most) in enumerate(zip((down, right), largest), start=1):
            padded = pad(images, axis, (most, most), fill_value)
            images = window(padded, per_example(shift + most, images), axis, images.shape[axis], 2 * most + 1)
    if flipped is not None and hole is not None and can_fuse(images):
        return _flip_and_paint(images, flipped, hole, fill_value)
    images = images if flipped is None else flip(images, flipped)
    return images if hole is None else erase(images, *hole, fill_value)


@fused
def _flip_and_paint(images, flipped, hole, fill_value):
    fill = like(ops.convert_to_tensor(float(fill_value), "float32"), images)
    return paint(flip(images, flipped), *hole, fill)

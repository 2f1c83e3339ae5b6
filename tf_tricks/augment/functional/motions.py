"""Rotations, zooms, shears, translations and crops, each by the examples' own amounts."""

import math
from collections.abc import Sequence

import numpy as np
from keras import ops

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.dispatch import can_fuse, has_host_kernels
from tf_tricks.augment.functional import elementary
from tf_tricks.augment.functional.dtypes import like, to_float
from tf_tricks.augment.functional.gathering import between, crops
from tf_tricks.augment.functional.sampling import affine, around_center, resample
from tf_tricks.augment.functional.sliding import slide


def rotate(
    images: Tensor, degrees: Tensor, interpolation: str = "bilinear", fill_value: float = 0.0, largest: float = 180
) -> Tensor:
    """Returns images turned about their centers, counter-clockwise.

    Args:
        images: [b, height, width, channels] of any dtype.
        degrees: float32 [b], the angles.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.
        largest: a bound of |degrees|, a number; the smaller it is the less work there is where XLA compiles.

    Returns:
        The images in their dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image = np.array([[1, 2], [3, 4]], "uint8")[None, :, :, None]
        >>> np.asarray(rotate(image, np.array([180], "float32")))[0, :, :, 0].tolist()
        [[4, 3], [2, 1]]
    """
    angle = degrees * (math.pi / 180)
    cos, sin = elementary.cos(angle), elementary.sin(angle)
    maps = around_center((cos, -sin, sin, cos), *images.shape[1:3])
    # Beyond 45° rows and columns change places, so that the larger of |cos| and |sin| counts: at least that of 45°.
    turns = largest > 45
    return affine(images, maps, interpolation, fill_value, math.cos(math.radians(45 if turns else largest)), turns)


def zoom(
    images: Tensor,
    height_factor: Tensor,
    width_factor: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
) -> Tensor:
    """Returns images enlarged or shrunk about their centers, in their size.

    Args:
        images: [b, height, width, channels] of any dtype.
        height_factor: float32 [b], above 0; above 1 enlarges.
        width_factor: float32 [b], as `height_factor`.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.

    Returns:
        The images in their dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image, one, half = np.full((1, 1, 4, 1), 8, "uint8"), np.ones(1, "f"), np.full(1, 0.5, "f")
        >>> np.asarray(zoom(image, one, half)).ravel().tolist()
        [0, 8, 8, 0]
    """
    maps = []
    for factor, size in zip((height_factor, width_factor), images.shape[1:3]):
        center = (size - 1) / 2
        maps.append((1 / factor, center - center / factor))
    return resample(images, *maps, images.shape[1:3], interpolation, fill_value)  # type: ignore[call-arg, arg-type]


def shear(
    images: Tensor,
    x: Tensor,
    y: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    largest: Pair = (1, 1),
) -> Tensor:
    """Returns images slanted about their centers.

    Args:
        images: [b, height, width, channels] of any dtype.
        x: float32 [b], the tangents by which rows move to the side; above 0 slants the top to the right.
        y: float32 [b], the tangents by which columns move up and down; above 0 slants the left side down.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.
        largest: pair of numbers, bounds of |x| and |y|; where one is 0 there is less work where XLA compiles.

    Returns:
        The images in their dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image, one, zero = np.arange(4, dtype="uint8").reshape(1, 2, 2, 1), np.ones(1, "f"), np.zeros(1, "f")
        >>> np.asarray(shear(image, one, zero, largest=(1, 0)))[0, :, :, 0].tolist()
        [[0, 0], [2, 2]]
    """
    images = ops.convert_to_tensor(images)
    height, width = images.shape[1:3]
    one_axis = not (largest[0] and largest[1])
    if not one_axis or has_host_kernels():
        one = 1.0 + ops.zeros_like(x)
        return affine(images, around_center((one, x, y, one), height, width), interpolation, fill_value)
    (axis, tangent, size), most = ((1, y, width), largest[1]) if largest[1] else ((2, x, height), largest[0])
    shift = tangent[:, None] * (ops.arange(size, dtype="float32") - (size - 1) / 2)
    return slide(images, shift, axis, most * (size - 1) / 2, interpolation, fill_value)


def translate(
    images: Tensor,
    down: Tensor,
    right: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    largest: Pair | None = None,
) -> Tensor:
    """Returns images moved by a number of pixels each.

    Args:
        images: [b, height, width, channels] of any dtype.
        down: float32 [b], pixels.
        right: float32 [b], pixels.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.
        largest: pair of numbers, bounds of |down| and |right|; None for the images' height and width. The smaller they
            are the less work there is where XLA compiles.

    Returns:
        The images in their dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image, half, none = np.full((1, 1, 3, 1), 8, "uint8"), np.array([0.5], "f"), np.zeros(1, "f")
        >>> np.asarray(translate(image, none, half)).ravel().tolist()
        [4, 8, 8]
    """
    images = ops.convert_to_tensor(images)
    largest = images.shape[1:3] if largest is None else largest
    if interpolation == "bilinear" and can_fuse(images):
        whole = tuple(min(math.ceil(most), side) for most, side in zip(largest, images.shape[1:3]))
        places = [ops.clip(-move, -most, most) for move, most in zip((down, right), whole)]
        first = [ops.floor(place) for place in places]
        top, left = (ops.cast(place, "int32") for place in first)
        images = crops(images, top, left, whole, fill_value, 1)
        return between(images, places[0] - first[0], places[1] - first[1])
    if has_host_kernels():
        one = np.float32(1) + ops.zeros_like(down)
        return resample(images, (one, -down), (one, -right), images.shape[1:3], interpolation, fill_value)
    moved = images if interpolation == "nearest" else to_float(images)  # to be rounded once only
    for axis, (move, most) in enumerate(zip((down, right), largest), start=1):
        moved = slide(moved, -move[:, None], axis, most, interpolation, fill_value) if most else moved
    return like(moved, images)


def crop_and_resize(
    images: Tensor,
    top: Tensor,
    left: Tensor,
    height: Tensor,
    width: Tensor,
    size: Sequence[int],
    interpolation: str = "bilinear",
) -> Tensor:
    """Returns parts of images, resized to one size; at the image's edge the outermost pixels go on.

    Args:
        images: [b, h, w, channels] of any dtype.
        top: float32 [b], the part's place, in pixels.
        left: float32 [b].
        height: float32 [b], the part's size, in pixels.
        width: float32 [b].
        size: (height, width) of the result.
        interpolation: `"bilinear"` or `"nearest"`.

    Returns:
        [b, *size, channels] in the images' dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image, zero, n = np.array([0, 4, 9, 9], "uint8").reshape(1, 1, 4, 1), np.zeros(1, "f"), np.ones(1, "f")
        >>> np.asarray(crop_and_resize(image, zero, zero, n, 2 * n, (1, 4))).ravel().tolist()
        [0, 1, 3, 5]
    """
    # The middle of pixel i of the result, i + 1/2, is the middle of a part of the image; the same for nearest.
    maps = []
    for start, extent, number in ((top, height, size[0]), (left, width, size[1])):
        slope = extent / number
        maps.append((slope, start + slope / 2 - 0.5))
    return resample(images, *maps, tuple(size), interpolation, fill_value=None)  # type: ignore[call-arg, arg-type, misc]

"""Moving pixels: bilinear or nearest sampling along affine maps, exact, in two ways that give the same.

An affine map sends pixel (i, j) of the result, row i and column j, to the place (y, x) of the image from which its
value is taken:

    x = a j + b i + c,   y = d j + e i + f

The value is interpolated between the four pixels around (y, x) with weights max(0, 1 − |x − x'|) max(0, 1 − |y − y'|);
pixels outside of the image have the fill value (`mode="grid-constant"` of `scipy.ndimage`).

On a host, where TensorFlow runs without XLA, the four pixels are gathered, in a program of its own (`gather`); batches
of unknown size are left to TensorFlow's kernels for images. Where XLA compiles the step, the weights become the
matrices of two multiplications, and the TPU compiler makes them while it multiplies, without writing them to memory. On
a TPU a matrix multiplication rounds its factors to bfloat16, unless the program asks for more: that keeps the integers
up to 256 of uint8 images exactly and interpolates them to within a gray level.
"""

import math
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, has_host_kernels
from tf_tricks.augment.functional.dtypes import like, to_float
from tf_tricks.augment.functional.gathering import along_axes, along_maps

_OF_KERNEL = ("uint8", "int32", "int64", "float16", "float32")  # that ImageProjectiveTransformV3 takes


def affine(
    images: Tensor,
    maps: Tensor,
    interpolation: str = "bilinear",
    fill_value: float = 0.0,
    shrink: float = 1.0,
    turns: bool = False,
) -> Tensor:
    """Returns images sampled along one affine map each.

    Args:
        images: [b, height, width, channels] of any dtype.
        maps: float32 [b, 6], (a, b, c, d, e, f) of each example's map.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.
        shrink: a lower bound of |a| over all maps, above 0: where XLA compiles, the work is in proportion to 1/shrink.
            With `turns`, of the larger of |a| and |d|.
        turns: whether |d| may exceed |a|, as in rotations by more than 45°.

    Returns:
        The images in their dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
        >>> right = np.array([[1, 0, -1, 0, 1, 0]], "float32")  # x = j − 1: everything moves right by a pixel
        >>> np.asarray(affine(image, right))[0, :, :, 0].tolist()
        [[0.0, 0.0, 1.0], [0.0, 3.0, 4.0]]
    """
    images = ops.convert_to_tensor(images)
    if can_fuse(images):
        return along_maps(images, ops.cast(maps, "float32"), interpolation, fill_value)
    if has_host_kernels():
        return _by_kernel(images, maps, interpolation, fill_value)
    maps = ops.cast(maps, "float32")

    def sample(values):
        return _by_products(values, maps, interpolation, shrink, turns)

    return _around(fill_value, sample, images, interpolation)


def resample(
    images: Tensor,
    rows: Sequence[Tensor],
    columns: Sequence[Tensor],
    size: Sequence[int],
    interpolation: str = "bilinear",
    fill_value: float | None = 0.0,
) -> Tensor:
    """Returns images sampled along maps that treat rows and columns apart: y = e i + f, x = a j + c.

    Args:
        images: [b, height, width, channels] of any dtype.
        rows: pair (e, f) of float32 [b].
        columns: pair (a, c) of float32 [b].
        size: (height, width) of the result.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have; None: the value of the nearest pixel inside, for places at
            most a pixel outside.

    Returns:
        [b, *size, channels] in the images' dtype; results for integers are rounded.

    Example:
        >>> import numpy as np
        >>> image, one, zero = np.arange(4, dtype="float32").reshape(1, 2, 2, 1), np.ones(1, "f"), np.zeros(1, "f")
        >>> np.asarray(resample(image, (one, zero), (one / 2, zero), (2, 3)))[0, :, :, 0].tolist()
        [[0.0, 0.5, 1.0], [2.0, 2.5, 3.0]]
    """
    images = ops.convert_to_tensor(images)
    if can_fuse(images):
        return along_axes(images, rows, columns, tuple(size), interpolation, fill_value)
    if has_host_kernels():
        return _by_boxes(images, rows, columns, tuple(size), interpolation, fill_value)
    factors = []
    for (slope, start), number, side in zip((rows, columns), size, images.shape[1:3]):
        slope, start = (ops.cast(part, "float32")[:, None] for part in (slope, start))
        places = slope * ops.arange(number, dtype="float32") + start
        places = ops.clip(places, 0, side - 1) if fill_value is None else places
        factors.append(_weights(places, side, interpolation))

    def sample(values):
        by_rows = ops.einsum("biy,byxc->bixc", ops.cast(factors[0], values.dtype), values)
        return ops.einsum("bjx,bixc->bijc", ops.cast(factors[1], values.dtype), by_rows)

    return _around(fill_value, sample, images, interpolation)


def around_center(linear: Sequence[Tensor], height: int, width: int) -> Tensor:
    """Returns the maps [b, 6] that leave the image's center where it is.

    Args:
        linear: four float32 [b], the map's (a, b, d, e).
        height: of the images, pixels.
        width: of the images, pixels.
    """
    a, b, d, e = linear
    x, y = (width - 1) / 2, (height - 1) / 2
    return ops.stack([a, b, x - a * x - b * y, d, e, y - d * x - e * y], axis=1)


def _around(fill_value, sample, images, interpolation):
    """Returns the images sampled by a function of floats for which there is 0 outside."""
    dtype = keras.backend.standardize_dtype(images.dtype)
    if interpolation == "nearest" and dtype in ("int16", "uint16", "int32", "uint32", "int64"):
        return _by_bytes(int(fill_value or 0), sample, images, dtype)
    floats = to_float(images)
    moved = sample(floats - fill_value) + fill_value if fill_value else sample(floats)
    return like(moved, images)


def _by_bytes(fill_value, sample, images, dtype):
    """Samples integers byte by byte: a byte is exact even where multiplications round their factors to bfloat16."""
    images = ops.convert_to_tensor(images) - fill_value
    bits = range(0, 8 * np.dtype(dtype).itemsize, 8)
    parts = [ops.bitwise_and(ops.right_shift(images, ops.cast(n, dtype)), ops.cast(255, dtype)) for n in bits]
    moved = ops.cast(sample(ops.cast(ops.concatenate(parts, axis=3), "float32")), dtype)
    parts = ops.split(moved, len(parts), axis=3)
    return sum(ops.left_shift(part, ops.cast(n, dtype)) for part, n in zip(parts, bits)) + fill_value


def _by_kernel(images, maps, interpolation, fill_value):
    import tensorflow as tf

    images = tf.convert_to_tensor(images)
    copies = interpolation == "nearest" and images.dtype.name in _OF_KERNEL
    values = images if copies else tf.cast(images, tf.float32)
    maps = tf.cast(maps, tf.float32)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=values,
        transforms=tf.concat([maps, tf.zeros_like(maps[:, :2])], axis=1),
        output_shape=tf.constant(tuple(images.shape[1:3]), tf.int32),
        fill_value=tf.constant(fill_value, tf.float32),
        interpolation=interpolation.upper(),
        fill_mode="CONSTANT",
    )
    return like(tf.ensure_shape(moved, images.shape), images)


def _by_boxes(images, rows, columns, size, interpolation, fill_value):
    """Samples by `crop_and_resize`, several times as fast as `ImageProjectiveTransformV3`.

    It fills all that is not between four pixels, so the images get a border of the fill value, or of the next pixels.
    """
    import tensorflow as tf

    images = tf.convert_to_tensor(images)
    # It makes float32 of all; the few integers that do not fit are those of masks above 2²⁴.
    values = tf.cast(images, tf.float32) if images.dtype.name not in ("uint8", "float16") else images
    fill = fill_value or 0
    if fill_value is None:  # as tf.pad with "SYMMETRIC" does it, which takes longer than all the rest
        values = tf.concat([values[:, :1], values, values[:, -1:]], axis=1)
        values = tf.concat([values[:, :, :1], values, values[:, :, -1:]], axis=2)
    else:
        values = tf.pad(values, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=tf.cast(fill, values.dtype))
    sides = []
    for (slope, start), number, side in zip((rows, columns), size, images.shape[1:3]):
        sides.append([(slope * last + start + 1.0) / (side + 1) for last in (0, number - 1)])
    (top, bottom), (left, right) = sides
    boxes = tf.stack([top, left, bottom, right], axis=1)
    places = tf.range(tf.shape(values)[0])
    moved = tf.image.crop_and_resize(values, boxes, places, size, interpolation, extrapolation_value=fill)
    return like(tf.ensure_shape(moved, [images.shape[0], *size, images.shape[3]]), images)


def _weights(places, size, interpolation):
    """Returns the weight of each of `size` pixels in a row for each of `places`, [..., size]."""
    pixels = ops.arange(size, dtype=places.dtype)
    if interpolation == "nearest":
        return ops.cast(ops.equal(ops.floor(places + 0.5)[..., None], pixels), places.dtype)
    return ops.maximum(0.0, 1.0 - ops.abs(places[..., None] - pixels))


def _by_products(images, maps, interpolation, shrink, turns):
    """Samples in two matrix multiplications, which together are exactly the four-pixel interpolation.

    Whatever pixel (y, x) gives to the result's row i, it gives to those few columns j for which |x(i, j) − x| < 1: to
    first(i, x), …, first(i, x) + n − 1, with n = ⌈2/|a|⌉. The first one interpolates along y for each (i, x) and
    each of these n, of which number m is for the j with j mod n = m; the second one along x, and takes for j number
    j mod n. So it does not matter if rounding makes the n begin one too early or too late: that one weighs nothing.
    """
    height, width = size = images.shape[1:3]
    if turns:  # where rows and columns change places, take the transposed image, so that |a| ≥ |d|
        side = max(size)
        images = ops.pad(images, [(0, 0), (0, side - height), (0, side - width), (0, 0)])
        swap = ops.abs(maps[:, 3]) > ops.abs(maps[:, 0])
        images = ops.where(swap[:, None, None, None], ops.transpose(images, (0, 2, 1, 3)), images)
        maps = ops.where(swap[:, None], ops.roll(maps, 3, axis=1), maps)
        height = width = side
    dtype = maps.dtype  # places need float32, also where the images have less
    a, b, c, d, e, f = (maps[:, n][:, None, None, None] for n in range(6))
    number = math.ceil(2 / shrink - 1e-6)

    # Along y: for column x and row r = m · height + i of a stack of n images, with m = 0, …, n − 1.
    r = ops.arange(number * size[0])
    i, m = (ops.cast(part, dtype)[None, None, :, None] for part in (r % size[0], r // size[0]))
    x = ops.arange(width, dtype=dtype)[None, :, None, None]
    first = ops.floor((x - b * i - c) / a - 1.0 / ops.abs(a)) + 1.0
    turn = ops.floor((m - first + 0.5) / number)  # a half more than an integer, so that rounding changes nothing
    j = m - number * turn
    y = d * j + e * i + f
    weight = ops.cast(_weights(y[..., 0], height, interpolation), images.dtype)
    along_y = ops.einsum("bxry,byxc->bxrc", weight, images)
    along_y = ops.reshape(along_y, (-1, width, number, size[0], images.shape[3]))
    along_y = ops.reshape(ops.transpose(along_y, (0, 3, 2, 1, 4)), (-1, size[0], number * width, images.shape[3]))

    # Along x: for row i and column j, over q = m · width + x.
    q = ops.arange(number * width)
    x, m = (ops.cast(part, dtype)[None, None, None, :] for part in (q % width, q // width))
    i = ops.arange(size[0], dtype=dtype)[None, :, None, None]
    j = ops.arange(size[1], dtype=dtype)[None, None, :, None]
    place = a * j + b * i + c
    if interpolation == "nearest":
        weight = ops.cast(ops.equal(ops.floor(place + 0.5), x), dtype)
    else:
        weight = ops.maximum(0.0, 1.0 - ops.abs(place - x))
    weight = weight * ops.cast(ops.equal(j - number * ops.floor((j + 0.5) / number), m), dtype)
    return ops.einsum("bijq,biqc->bijc", ops.cast(weight, images.dtype), along_y)

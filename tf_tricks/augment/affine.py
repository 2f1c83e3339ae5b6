"""Moving pixels: bilinear or nearest sampling along affine maps, exact, in two ways that give the same.

An affine map sends pixel (i, j) of the result, row i and column j, to the place (y, x) of the image from which its
value is taken:

    x = a j + b i + c,   y = d j + e i + f

The value is interpolated between the four pixels around (y, x) with weights max(0, 1 − |x − x'|) max(0, 1 − |y − y'|);
pixels outside of the image have the fill value (`mode="grid-constant"` of `scipy.ndimage`).

Where TensorFlow's kernels can run, `ImageProjectiveTransformV3` does this. Where XLA compiles, the weights become
matrices of two products, and the TPU compiler makes them while it multiplies, without writing them to memory. On a TPU
such a product rounds its factors to bfloat16, unless the program asks for more: that keeps the whole numbers up to 256
of uint8 images exactly and interpolates them to within a grey level.
"""

import math

from keras import ops

from tf_tricks.augment.augmentation import like, to_float
from tf_tricks.augment.paths import has_host_kernels


def affine(images, maps, interpolation="bilinear", fill_value=0.0, shrink=1.0, turns=False):
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
        The images in their dtype; results for whole numbers are rounded.

    Example:
        >>> import numpy as np
        >>> image = np.arange(6, dtype="float32").reshape(1, 2, 3, 1)
        >>> right = np.array([[1, 0, -1, 0, 1, 0]], "float32")  # x = j − 1: everything moves right by a pixel
        >>> np.asarray(affine(image, right))[0, :, :, 0].tolist()
        [[0.0, 0.0, 1.0], [0.0, 3.0, 4.0]]
    """
    floats = to_float(images)
    if has_host_kernels():
        moved = _by_kernel(floats, maps, interpolation, fill_value)
    else:
        shifted = floats - fill_value if fill_value else floats
        moved = _by_products(shifted, ops.cast(maps, floats.dtype), interpolation, shrink, turns)
        moved = moved + fill_value if fill_value else moved
    return like(moved, images)


def resample(images, rows, columns, size, interpolation="bilinear", fill_value=0.0):
    """Returns images sampled along maps that treat rows and columns apart: y = e i + f, x = a j + c.

    Args:
        images: [b, height, width, channels] of any dtype.
        rows: pair (e, f) of float32 [b].
        columns: pair (a, c) of float32 [b].
        size: (height, width) of the result.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.

    Returns:
        [b, *size, channels] in the images' dtype; results for whole numbers are rounded.

    Example:
        >>> import numpy as np
        >>> image, one, zero = np.arange(4, dtype="float32").reshape(1, 2, 2, 1), np.ones(1, "f"), np.zeros(1, "f")
        >>> np.asarray(resample(image, (one, zero), (one / 2, zero), (2, 3)))[0, :, :, 0].tolist()
        [[0.0, 0.5, 1.0], [2.0, 2.5, 3.0]]
    """
    floats = to_float(images)
    if has_host_kernels():
        zero = ops.zeros_like(rows[0])
        maps = ops.stack([columns[0], zero, columns[1], zero, rows[0], rows[1]], axis=1)
        return like(_by_kernel(floats, maps, interpolation, fill_value, size), images)
    shifted = floats - fill_value if fill_value else floats
    height, width = images.shape[1:3]
    (e, f), (a, c) = ([ops.cast(p, floats.dtype)[:, None] for p in pair] for pair in (rows, columns))
    y = e * ops.arange(size[0], dtype=floats.dtype) + f
    x = a * ops.arange(size[1], dtype=floats.dtype) + c
    by_rows = ops.einsum("biy,byxc->bixc", _weights(y, height, interpolation), shifted)
    moved = ops.einsum("bjx,bixc->bijc", _weights(x, width, interpolation), by_rows)
    return like(moved + fill_value if fill_value else moved, images)


def around_center(linear, height, width):
    """Returns the maps [b, 6] that leave the image's centre where it is.

    Args:
        linear: four float32 [b], the map's (a, b, d, e).
        height: of the images, pixels.
        width: of the images, pixels.
    """
    a, b, d, e = linear
    x, y = (width - 1) / 2, (height - 1) / 2
    return ops.stack([a, b, x - a * x - b * y, d, e, y - d * x - e * y], axis=1)


def _by_kernel(images, maps, interpolation, fill_value, size=None):
    import tensorflow as tf

    wide = tf.cast(images, tf.float32) if images.dtype == tf.bfloat16 else images
    maps = tf.cast(maps, tf.float32)
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        images=wide,
        transforms=tf.concat([maps, tf.zeros_like(maps[:, :2])], axis=1),
        output_shape=tf.constant(size or images.shape[1:3], tf.int32),
        fill_value=tf.constant(fill_value, tf.float32),
        interpolation=interpolation.upper(),
        fill_mode="CONSTANT",
    )
    moved = tf.ensure_shape(moved, [images.shape[0], *(size or images.shape[1:3]), images.shape[3]])
    return tf.cast(moved, images.dtype)


def _weights(places, size, interpolation):
    """Returns the weight of each of `size` pixels in a row for each of `places`, [..., size]."""
    pixels = ops.arange(size, dtype=places.dtype)
    if interpolation == "nearest":
        return ops.cast(ops.equal(ops.floor(places + 0.5)[..., None], pixels), places.dtype)
    return ops.maximum(0.0, 1.0 - ops.abs(places[..., None] - pixels))


def _by_products(images, maps, interpolation, shrink, turns):
    """Samples in two products, which together are exactly the four-pixel interpolation.

    Whatever pixel (y, x) gives to the result's row i, it gives to those few columns j for which |x(i, j) − x| < 1: to
    first(i, x), …, first(i, x) + n − 1, with n = ⌈2/|a|⌉. The first product interpolates along y for each (i, x) and
    each of these n; the second one along x, and takes for j the one of the n that was made for it.
    """
    height, width = size = images.shape[1:3]
    if turns:  # where rows and columns change places, take the transposed image, so that |a| ≥ |d|
        side = max(size)
        images = ops.pad(images, [(0, 0), (0, side - height), (0, side - width), (0, 0)])
        swap = ops.abs(maps[:, 3]) > ops.abs(maps[:, 0])
        images = ops.where(swap[:, None, None, None], ops.transpose(images, (0, 2, 1, 3)), images)
        maps = ops.where(swap[:, None], ops.roll(maps, 3, axis=1), maps)
        height = width = side
    dtype = images.dtype
    a, b, c, d, e, f = (maps[:, n][:, None, None, None] for n in range(6))
    number = math.ceil(2 / shrink - 1e-6)

    def first(i, x):
        return ops.floor((x - b * i - c) / a - 1.0 / ops.abs(a)) + 1.0

    # Along y: for column x and row r = n' · height + i of a stack of n images, with n' = 0, …, n − 1.
    r = ops.arange(number * size[0])
    i, n = (ops.cast(part, dtype)[None, None, :, None] for part in (r % size[0], r // size[0]))
    x = ops.arange(width, dtype=dtype)[None, :, None, None]
    y = d * (first(i, x) + n) + e * i + f
    along_y = ops.einsum("bxry,byxc->bxrc", _weights(y[..., 0], height, interpolation), images)
    along_y = ops.reshape(along_y, (-1, width, number, size[0], images.shape[3]))
    along_y = ops.reshape(ops.transpose(along_y, (0, 3, 2, 1, 4)), (-1, size[0], number * width, images.shape[3]))

    # Along x: for row i and column j, over q = n' · width + x.
    q = ops.arange(number * width)
    x, n = (ops.cast(part, dtype)[None, None, None, :] for part in (q % width, q // width))
    i = ops.arange(size[0], dtype=dtype)[None, :, None, None]
    j = ops.arange(size[1], dtype=dtype)[None, None, :, None]
    place = a * j + b * i + c
    if interpolation == "nearest":
        weight = ops.cast(ops.equal(ops.floor(place + 0.5), x), dtype)
    else:
        weight = ops.maximum(0.0, 1.0 - ops.abs(place - x))
    weight = weight * ops.cast(ops.equal(j, first(i, x) + n), dtype)
    return ops.einsum("bijq,biqc->bijc", weight, along_y)

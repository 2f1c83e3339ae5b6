"""Moving pixels by looking each one up: the way of CPUs and GPUs, for programs of their own (see `fused`).

For TensorFlow only. XLA makes one loop of the arithmetic of the places and of the looking up, which on a CPU is several
times as fast as TensorFlow's kernels for images. On a TPU it would be thousands of times as slow as the products of
`affine`.
"""

import keras
from keras import ops

from tf_tricks.augment.augmentation import like


def along_maps(images, maps, interpolation, fill_value):
    """Returns images sampled along affine maps; see `affine`.

    Args:
        images: [b, height, width, channels] of any dtype.
        maps: float32 [b, 6].
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have.
    """
    height, width = images.shape[1:3]
    a, b, c, d, e, f = (maps[:, n][:, None, None] for n in range(6))
    i, j = ops.arange(height, dtype="float32")[:, None], ops.arange(width, dtype="float32")
    return _sampled(images, d * j + e * i + f, a * j + b * i + c, interpolation, fill_value)


def along_axes(images, rows, columns, size, interpolation, fill_value):
    """Returns images sampled along maps that treat rows and columns apart; see `resample`.

    Args:
        images: [b, height, width, channels] of any dtype.
        rows: pair (e, f) of float32 [b].
        columns: pair (a, c) of float32 [b].
        size: (height, width) of the result.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what pixels outside of the image have; None: the value of the nearest pixel inside.
    """
    places = []
    for (slope, start), number, side in zip((rows, columns), size, images.shape[1:3]):
        along = slope[:, None] * ops.arange(number, dtype="float32") + start[:, None]
        places.append(ops.clip(along, 0.0, side - 1.0) if fill_value is None else along)
    return _sampled(images, places[0][:, :, None], places[1][:, None, :], interpolation, fill_value or 0.0)


def at_whole_places(images, down, right, flipped, fill_value, hole=None):
    """Returns the images' crops of their own size, some of them mirrored; see `shift_and_flip`.

    Args:
        images: [b, height, width, channels] of any dtype.
        down: int32 [b].
        right: int32 [b].
        flipped: bool [b], or None.
        fill_value: what pixels outside of the image have.
        hole: int32 [b] each, (top, left, height, width) of a rectangle of the result that is outside as well, or None.
    """
    height, width, channels = images.shape[1:]
    rows = ops.arange(height, dtype="int32") + down[:, None]
    columns = ops.arange(width, dtype="int32")[None]
    if flipped is not None:
        columns = ops.where(flipped[:, None], width - 1 - columns, columns)
    columns = columns + right[:, None]
    row_is_inside = ops.logical_and(rows >= 0, rows < height)
    column_is_inside = ops.logical_and(columns >= 0, columns < width)
    inside = ops.logical_and(row_is_inside[:, :, None], column_is_inside[:, None, :])
    if hole is not None:
        rows_of_hole, columns_of_hole = covered(images, *hole)
        in_hole = ops.logical_and(rows_of_hole[:, :, None], columns_of_hole[:, None, :])
        inside = ops.logical_and(inside, ops.logical_not(in_hole))
    first = 1 + height * width * ops.arange(ops.shape(images)[0], dtype="int32")
    places = first[:, None, None] + rows[:, :, None] * width + columns[:, None, :]
    pixels = ops.reshape(images, (-1, channels))  # the first one is that outside
    pixels = ops.concatenate([ops.cast(ops.full((1, channels), fill_value), pixels.dtype), pixels], axis=0)
    return _pick(pixels, ops.where(inside, places, 0))


def covered(images, top, left, height, width):
    """Returns which rows [b, image_height] and which columns [b, image_width] a rectangle of each image covers.

    Args:
        images: [b, image_height, image_width, channels].
        top: int32 [b], the first row; may be negative.
        left: int32 [b], the first column.
        height: int32 [b], of the rectangle.
        width: int32 [b], of the rectangle.
    """
    ranges = []
    for side, start, size in zip(images.shape[1:3], (top, left), (height, width)):
        pixels = ops.arange(side, dtype="int32")[None, :]
        start, size = (ops.cast(number, "int32")[:, None] for number in (start, size))
        ranges.append(ops.logical_and(pixels >= start, pixels < start + size))
    return ranges


def _sampled(images, y, x, interpolation, fill_value):
    """Returns pixels at places y and x, float32 that broadcast to [b, height, width] of the result."""
    height, width, channels = images.shape[1:]
    # A border of the fill value, so that no place has to be looked at twice: farther out there is nothing else.
    y, x = ops.clip(y, -1.0, float(height)), ops.clip(x, -1.0, float(width))
    fill = ops.cast(fill_value, keras.backend.standardize_dtype(images.dtype))
    padded = ops.pad(images, [(0, 0), (1, 2), (1, 2), (0, 0)], constant_values=fill)
    pixels = ops.reshape(padded, (-1, channels))
    stride = width + 3
    first = (height + 3) * stride * ops.arange(ops.shape(images)[0], dtype="int32")[:, None, None]

    def at(row, column):
        place = (ops.cast(row, "int32") + 1) * stride + ops.cast(column, "int32") + 1
        return _pick(pixels, first + place)

    if interpolation == "nearest":
        return at(ops.floor(y + 0.5), ops.floor(x + 0.5))
    top, left = ops.floor(y), ops.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    values = [ops.cast(at(top + row, left + column), "float32") for row in (0, 1) for column in (0, 1)]
    upper = values[0] * (1.0 - right) + values[1] * right
    lower = values[2] * (1.0 - right) + values[3] * right
    return like(upper * (1.0 - down) + lower * down, images)


def _pick(pixels, places):
    import tensorflow as tf

    return tf.gather(pixels, places)  # ops.take looks at the sign of each place

"""Moving pixels by gathering them one by one: the way of CPUs and GPUs, for programs of their own (see `fused`).

For TensorFlow only. XLA makes one loop of the arithmetic of the places and of the gathering, which on a CPU is several
times as fast as TensorFlow's kernels for images. On a TPU it would be thousands of times as slow as the matrix
multiplications of `affine`.
"""

from collections.abc import Sequence

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import fused
from tf_tricks.augment.functional.dtypes import like, to_float


@fused
def along_maps(images: Tensor, maps: Tensor, interpolation: str, fill_value: float) -> Tensor:
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


@fused
def along_axes(
    images: Tensor,
    rows: Sequence[Tensor],
    columns: Sequence[Tensor],
    size: Sequence[int],
    interpolation: str,
    fill_value: float | None,
) -> Tensor:
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


@fused
def crops(
    images: Tensor, down: Tensor, right: Tensor, largest: Sequence[int], fill_value: float, more: int = 0
) -> Tensor:
    """Returns the images' crops of their own size at integer places; for batches of known size, see `fused`.

    Each image is one copy of a part of its padded self: a loop over images, for in a gather XLA would work out the
    place of each pixel.

    Args:
        images: [b, height, width, channels] of any dtype.
        down: int32 [b], at most `largest[0]` up or down.
        right: int32 [b], at most `largest[1]` to the left or right.
        largest: pair of integers.
        fill_value: what pixels outside of the image have.
        more: how many rows and columns the crops have beyond the images' own size, at the bottom and on the right.
    """
    from tensorflow.compiler.tf2xla.python import xla  # tf.slice is compiled anew for each place

    batch, height, width, channels = images.shape
    fill = ops.cast(fill_value, keras.backend.standardize_dtype(images.dtype))
    padded = ops.pad(images, [(0, 0), *((most, most + more) for most in largest), (0, 0)], constant_values=fill)
    padded = ops.reshape(padded, (batch, padded.shape[1], -1))
    down, right = down + largest[0], (right + largest[1]) * channels
    height, width = height + more, width + more

    def copy(i, copied):
        crop = xla.dynamic_slice(padded, [i, down[i], right[i]], [1, height, width * channels])
        return ops.slice_update(copied, (i, 0, 0), crop)

    copied = ops.fori_loop(0, batch, copy, ops.zeros((batch, height, width * channels), padded.dtype))
    return ops.reshape(copied, (batch, height, width, channels))


@fused
def between(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Returns what lies between the pixels: of a row and a column more of them, by parts of a pixel.

    Args:
        images: [b, height + 1, width + 1, channels] of any dtype.
        down: float32 [b], from 0 to 1.
        right: float32 [b], from 0 to 1.

    Returns:
        [b, height, width, channels] of the images' dtype.
    """
    batch, height, width, channels = images.shape
    rows = to_float(ops.reshape(images, (batch, height, width * channels)))
    down, right = (ops.cast(part, rows.dtype)[:, None, None] for part in (down, right))
    rows = rows[:, :, :-channels] + right * (rows[:, :, channels:] - rows[:, :, :-channels])
    rows = rows[:, :-1] + down * (rows[:, 1:] - rows[:, :-1])
    return like(ops.reshape(rows, (batch, height - 1, width - 1, channels)), images)


def at_whole_places(images: Tensor, down: Tensor, right: Tensor, fill_value: float) -> Tensor:
    """Returns the images' crops of their own size at integer places; for batches of any size, known or not.

    Args:
        images: [b, height, width, channels] of any dtype.
        down: int32 [b].
        right: int32 [b].
        fill_value: what pixels outside of the image have.
    """
    rows = down[:, None] + ops.arange(images.shape[1], dtype="int32")
    columns = right[:, None] + ops.arange(images.shape[2], dtype="int32")
    places = (ops.cast(place, "float32") for place in (rows[:, :, None], columns[:, None, :]))
    return _sampled(images, *places, "nearest", fill_value)  # type: ignore[call-arg]


def _sampled(images, y, x, interpolation, fill_value):
    """Returns pixels at places y and x, float32 that broadcast to [b, height, width] of the result."""
    height, width, channels = images.shape[1:]
    # A border of the fill value, so that no place has to be checked: farther out there is nothing else.
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

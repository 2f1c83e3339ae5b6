"""Rectangles of images, painted over or taken from others."""

from collections.abc import Sequence

from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import like


def erase(
    images: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, fill_value: float | Tensor = 0.0
) -> Tensor:
    """Returns `images` with one rectangle of each painted over: rows top, …, top + height − 1, columns likewise.

    What of a rectangle lies outside of the image is not there; a height or width of 0 changes nothing.

    Args:
        images: [b, image_height, image_width, channels] of any dtype.
        top: int32 [b], the first row; may be negative.
        left: int32 [b], the first column.
        height: int32 [b], of the rectangle.
        width: int32 [b], of the rectangle.
        fill_value: a number, or numbers like `images`.

    Example:
        >>> import numpy as np
        >>> one = [np.array([n], "int32") for n in (1, 0, 1, 2)]
        >>> np.asarray(erase(np.ones((1, 2, 3, 1), "uint8"), *one)).tolist()
        [[[[1], [1], [1]], [[0], [0], [1]]]]
    """
    images = ops.convert_to_tensor(images)
    if isinstance(fill_value, (int, float)):
        fill_value = like(ops.convert_to_tensor(float(fill_value), "float32"), images)
    if can_fuse(images):
        return paint(images, top, left, height, width, fill_value)
    return select(images, *covered(images.shape[1:3], top, left, height, width), fill_value)  # type: ignore[call-arg]


@fused
def paint(images: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, others: Tensor) -> Tensor:
    """Returns `images` with a rectangle of each painted over, see `erase`; for batches of known size, see `fused`.

    A row is looked at as so many values, not as pixels with channels: XLA makes vector instructions of that.

    Args:
        images: [b, image_height, image_width, channels] of any dtype.
        top: int32 [b], the first row; may be negative.
        left: int32 [b], the first column.
        height: int32 [b], of the rectangle.
        width: int32 [b], of the rectangle.
        others: what is painted, a tensor of the same dtype, a scalar or like `images`.
    """
    batch, rows, columns, channels = images.shape
    own, values = covered((rows, columns * channels), top, left * channels, height, width * channels)
    inside = ops.logical_and(own[:, :, None], values[:, None, :])
    by_row = (batch, rows, columns * channels)
    others = ops.reshape(others, by_row) if others.shape.rank else others
    return ops.reshape(ops.where(inside, others, ops.reshape(images, by_row)), images.shape)


def covered(sides: Sequence[int], top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> list[Tensor]:
    """Returns which rows [b, image_height] and which columns [b, image_width] a rectangle of each image covers.

    Args:
        sides: pair, the images' height and width.
        top: int32 [b], the first row; may be negative.
        left: int32 [b], the first column.
        height: int32 [b], of the rectangle.
        width: int32 [b], of the rectangle.
    """
    ranges = []
    for side, start, size in zip(sides, (top, left), (height, width)):
        pixels = ops.arange(side, dtype="int32")[None, :]
        start, size = (ops.cast(number, "int32")[:, None] for number in (start, size))
        ranges.append(ops.logical_and(pixels >= start, pixels < start + size))
    return ranges


def select(images: Tensor, rows: Tensor, columns: Tensor, others: Tensor) -> Tensor:
    """Returns `others` inside the rectangles and `images` elsewhere; both [b, h, w, channels] of one dtype.

    Args:
        images: tensor [b, h, w, channels].
        rows: from `covered`.
        columns: from `covered`.
        others: tensor like `images`, or a scalar tensor of its dtype.
    """
    if not has_host_kernels():
        return ops.where(ops.logical_and(rows[:, :, None, None], columns[:, None, :, None]), others, images)
    import tensorflow as tf

    # A mask that broadcasts makes TensorFlow's kernel six times as slow, so copy its rows: a pixel row of the image is
    # covered nowhere (row 0 of the table) or in the columns of its rectangle.
    columns = tf.repeat(columns, images.shape[3], axis=1)
    table = tf.concat([tf.zeros([1, columns.shape[1]], tf.bool), columns], axis=0)
    mask = tf.gather(table, tf.where(rows, 1 + tf.range(tf.shape(rows)[0])[:, None], 0))
    mask = tf.reshape(mask, tf.shape(images))
    selected = tf.raw_ops.Select(condition=mask, x=tf.broadcast_to(others, tf.shape(images)), y=images)
    return tf.ensure_shape(selected, images.shape)


def paste(images: Tensor, others: Tensor, rectangle: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns `images` with a rectangle of `others` pasted in, and the part of each that still shows its own.

    Args:
        images: [b, height, width, channels].
        others: the same shape and dtype.
        rectangle: from `draw_rectangle`.
    """
    images = ops.convert_to_tensor(images)
    rows, columns = covered(images.shape[1:3], *rectangle)
    lengths = [ops.sum(ops.cast(pixels, "float32"), axis=1) for pixels in (rows, columns)]
    area = float(images.shape[1] * images.shape[2])
    return select(images, rows, columns, others), 1.0 - lengths[0] * lengths[1] / area

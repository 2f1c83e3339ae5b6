"""Each channel of an image stretched or equalized, by what values there are."""

import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import fused, has_host_kernels
from tf_tricks.augment.functional.dtypes import is_uint8, like, per_example, to_float
from tf_tricks.augment.functional.levels import from_levels, to_levels
from tf_tricks.augment.functional.per_pixel import per_pixel


def autocontrast(images: Tensor, low: float, high: float, chosen: Tensor | None = None) -> Tensor:
    """Returns images whose channels each go from `low` to `high`: low + (high − low) · (x − min) / (max − min).

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels. A channel that is the same
            everywhere stays as it is.
        low: the smallest value.
        high: the largest value.
        chosen: bool [b], which examples to change, or None for all.

    Example:
        >>> import numpy as np
        >>> np.asarray(autocontrast(np.array([[[[100], [150], [200]]]], "uint8"), 0, 255)).ravel().tolist()
        [0, 128, 255]
    """
    images = ops.convert_to_tensor(images)
    chosen = ops.ones(ops.shape(images)[:1], "bool") if chosen is None else chosen
    # Three programs: in one, XLA would gather each value's channel, instead of reading a row of ready slopes.
    least, most = _edges(images, low, high)
    slopes, least = _slopes(least, most, chosen, images.shape[-1], low, high)
    return _stretched(images, slopes, least, low, high)


@fused
def _edges(images, low, high):
    """Returns the least and the largest value in each column of each image, [b, w · c] of the images' dtype."""
    _, height, width, channels = images.shape
    rows = ops.reshape(images, (-1, height, width * channels))
    # With the initial values, the edges of an empty batch are defined.
    first, last = (0, 255) if is_uint8(images) else (low, high)
    return ops.min(rows, axis=1, initial=last), ops.max(rows, axis=1, initial=first)


@fused
def _slopes(least, most, chosen, channels, low, high):
    """Returns the slope and the least value for each value in a row, floats [b, w · c]; slope 0 stays as it is.

    Args:
        least: from `_edges`.
        most: from `_edges`.
        chosen: bool [b].
        channels: of the images.
        low: the smallest value that images can have.
        high: the largest.
    """
    width = least.shape[1] // channels
    least, most = (ops.reshape(to_float(edge), (-1, width, channels)) for edge in (least, most))
    least, most = ops.min(least, axis=1, initial=high), ops.max(most, axis=1, initial=low)
    changes = ops.logical_and(most > least, chosen[:, None])
    slopes = ops.where(changes, (high - low) / ops.where(changes, most - least, ops.ones_like(least)), 0)
    return [ops.tile(table, (1, width)) for table in (slopes, least)]


@fused
def _stretched(images, slopes, least, low, high):
    _, height, width, channels = images.shape
    rows = to_float(ops.reshape(images, (-1, height, width * channels)))
    slopes, least = slopes[:, None], least[:, None]
    stretched = ops.where(slopes == 0, rows, low + (rows - least) * slopes)
    return ops.reshape(like(ops.clip(stretched, low, high), images), (-1, height, width, channels))


_IMAGES_AT_ONCE = 256  # whose histograms, 1 KB a channel, stay in the cache
_LEVELS = np.arange(256, dtype="float32")[:, None]


def equalize(images: Tensor, low: float, high: float, chosen: Tensor | None = None) -> Tensor:
    """Returns images whose channels have histograms that are as even as a map of levels can make them.

    In each channel of an image, of n values in 256 levels, level v becomes ⌊(s/2 + number of values below v) / s⌋, at
    most 255, where s = ⌊number of values below the largest / 255⌋. A channel for which s is 0 (it has few values, or
    is the same everywhere) stays as it is. Floats are rounded to the nearest of 256 levels from `low` to `high`.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        low: the smallest value.
        high: the largest value.
        chosen: bool [b], which examples to change, or None for all.

    Example:
        >>> import numpy as np
        >>> image = np.arange(100, 116, dtype="uint8").repeat(256).reshape(1, 64, 64, 1)
        >>> np.unique(equalize(image, 0, 255)).tolist()[:5]
        [0, 17, 34, 51, 68]
    """
    chosen = ops.ones(ops.shape(images)[:1], "bool") if chosen is None else chosen
    if not has_host_kernels():
        return _by_comparison(images, chosen, low, high)
    counts = _counts(images, low, high)
    # Apart from the gather, or XLA makes the tables anew for each pixel.
    number = images.shape[1] * images.shape[2]
    if is_uint8(images) and images.shape[-1] == 3:
        return per_pixel(_new_levels, images, _whole_tables_of_counts(counts, chosen, number))
    return _look_up(images, _tables_of_counts(counts, chosen, number), low, high)


def _by_comparison(images, chosen, low, high):
    """Compares each value with each level, twice; the compiler makes these comparisons where it sums them up."""
    _, height, width, channels = images.shape
    planes = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, channels, height * width))
    # In bfloat16, which holds integers up to 256: half the bytes where the levels are written down.
    levels = ops.cast(to_levels(planes, low, high), "bfloat16")[:, :, None]
    every = ops.cast(_LEVELS, "bfloat16")
    below = ops.cast(ops.sum(ops.cast(levels < every, "float32"), axis=-1), "int32")
    tables = ops.cast(_tables(below, height * width, chosen), "bfloat16")
    found = ops.sum(ops.where(ops.equal(levels, every), tables[..., None], 0.0), axis=2)
    found = ops.transpose(ops.reshape(found, (-1, channels, height, width)), (0, 2, 3, 1))
    return ops.where(found < 0, images, from_levels(found, images, low, high))


def _counts(images, low, high):
    """Returns how many values of each level there are, int32 [b, c, 256], by TensorFlow's kernel.

    Of a batch of known size, `_IMAGES_AT_ONCE` at a time.
    """
    import tensorflow as tf

    batch, *shape = images.shape
    parts = [images]
    if batch:
        parts = [images[i : i + _IMAGES_AT_ONCE] for i in range(0, batch, _IMAGES_AT_ONCE)]
    counts = []
    for part in parts:
        places = _places(part, low, high)
        size = 256 * shape[-1] * tf.shape(part)[0]
        counts.append(tf.raw_ops.Bincount(arr=places, size=size, weights=tf.zeros([0], tf.int32)))
    return tf.ensure_shape(tf.reshape(tf.concat(counts, axis=0), [-1, shape[-1], 256]), [batch, shape[-1], 256])


@fused
def _places(images, low, high):
    """Returns for each value its level's place in a row of all images' and channels' histograms, int32 [n]."""
    return ops.reshape(_first_places(images) + to_levels(images, low, high), (-1,))


@fused
def _tables_of_counts(counts, chosen, number):
    return _tables(ops.cumsum(counts, axis=-1) - counts, number, chosen)


@fused
def _whole_tables_of_counts(counts, chosen, number):
    """Returns tables of which a level is its own new one in a channel that stays as it is."""
    tables = _tables_of_counts(counts, chosen, number)
    return ops.where(tables < 0, ops.arange(256, dtype="int32"), tables)


def _new_levels(red, green, blue, tables):
    """Returns the channels of uint8 images with the levels that their own have in `tables`, int32 [b, 3, 256]."""
    import tensorflow as tf

    row = tf.cast(tf.reshape(tables, [-1]), tf.uint8)
    first = 3 * tf.range(tf.shape(red)[0])[:, None, None]
    return [tf.gather(row, 256 * (first + n) + tf.cast(c, tf.int32)) for n, c in enumerate((red, green, blue))]


@fused
def _look_up(images, tables, low, high):
    """Returns the images with the levels that their own have in `tables`, int32 [b, c, 256]."""
    found = ops.take(ops.reshape(tables, (-1,)), _first_places(images) + to_levels(images, low, high), axis=0)
    return ops.where(found < 0, images, from_levels(found, images, low, high))


def _first_places(images):
    channels = images.shape[-1]
    first = ops.arange(0, channels * ops.shape(images)[0], dtype="int32") * 256
    return ops.reshape(first, (-1, 1, 1, channels))


def _tables(below, number, chosen):
    """Returns the new level of each level, int32 [b, c, 256]; −1 for all levels of a channel that stays as it is.

    Args:
        below: how many of a channel's values are below each level, int32 [b, c, 256].
        number: how many values there are.
        chosen: bool [b].
    """
    below_largest = ops.max(ops.where(below < number, below, 0), axis=-1, keepdims=True, initial=0)
    step = _quotient(below_largest, ops.full_like(below_largest, 255))
    changes = ops.logical_and(step > 0, per_example(chosen, step))
    step = ops.maximum(step, 1)
    return ops.where(changes, ops.minimum(_quotient(below + step // 2, step), 255), -1)


def _quotient(number, divisor):
    """Returns ⌊number / divisor⌋, int32 from 0. Processors divide floats many at a time, integers one by one."""
    near = ops.cast(ops.floor(ops.cast(number, "float32") / ops.cast(divisor, "float32")), "int32")
    rest = number - near * divisor
    return near + ops.cast(rest >= divisor, "int32") - ops.cast(rest < 0, "int32")

"""Equalize: each channel's values spread so that all are about as frequent."""

import keras
import numpy as np
from keras import ops

from tf_tricks.augment.augmentation import per_example
from tf_tricks.augment.blend import from_levels, is_uint8, to_levels
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.fused import fused
from tf_tricks.augment.paths import has_host_kernels
from tf_tricks.augment.per_pixel import per_pixel
from tf_tricks.errors import check_number

_IMAGES_AT_ONCE = 256  # whose histograms, 1 KB a channel, stay in the cache
_LEVELS = np.arange(256, dtype="float32")[:, None]


def equalize(images, low, high, chosen=None):
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
        return per_pixel(_new_levels, images, fused(_whole_tables_of_counts, counts, chosen, number))
    return fused(_look_up, images, fused(_tables_of_counts, counts, chosen, number), low, high)


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
        places = fused(_places, part, low, high)
        size = 256 * shape[-1] * tf.shape(part)[0]
        counts.append(tf.raw_ops.Bincount(arr=places, size=size, weights=tf.zeros([0], tf.int32)))
    return tf.ensure_shape(tf.reshape(tf.concat(counts, axis=0), [-1, shape[-1], 256]), [batch, shape[-1], 256])


def _places(images, low, high):
    """Returns for each value its level's place in a row of all images' and channels' histograms, int32 [n]."""
    return ops.reshape(_first_places(images) + to_levels(images, low, high), (-1,))


def _tables_of_counts(counts, chosen, number):
    return _tables(ops.cumsum(counts, axis=-1) - counts, number, chosen)


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


@keras.saving.register_keras_serializable("tf_tricks")
class Equalize(ColorAugmentation):
    """Spreads the values of each channel of some images so that all are about as frequent.

    In each channel of a chosen example, level v of 256 becomes ⌊(s/2 + number of values below v) / s⌋, where s is the
    255th part of the number of values below the largest. This is `ImageOps.equalize` of Pillow, and one of
    AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).

    Use it when images are of very different exposure, such as house numbers and photographs at night.

    Avoid it when brightness and colors count, which this changes a lot; or images are tiny: below 256 pixels nothing
    happens.

    Config:
        config.augment = dict(name="equalize", probability=0.5)

    Args:
        probability: of an example's being equalized, in [0, 1].
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the probability is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.arange(100, 116, dtype="uint8").repeat(256).reshape(1, 64, 64, 1)
        >>> equalized = Equalize(probability=1.0)(image, seed=0, positions=np.arange(1))
        >>> np.unique(equalized).tolist()[:5]
        [0, 17, 34, 51, 68]
    """

    def __init__(self, probability=0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images, draws, low, high):
        """Returns the images, some of them equalized."""
        return equalize(images, low, high, draws.happens(self.probability))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

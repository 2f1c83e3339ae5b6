"""Random erasing: one rectangle of each image is painted over."""

import math

import keras
from keras import ops

from tf_tricks.augment import elementary
from tf_tricks.augment.augmentation import Augmentation, check_range, like
from tf_tricks.augment.fused import can_fuse, fused
from tf_tricks.augment.gather import covered, paint
from tf_tricks.augment.paths import has_host_kernels
from tf_tricks.augment.pixels import uniform_pixels
from tf_tricks.errors import RequestError, check_number


@keras.saving.register_keras_serializable("tf_tricks")
class RandomErasing(Augmentation):
    """Paints over a rectangle of random size and shape, somewhere inside the image.

    The network cannot rely on any one part of an object, as where things are hidden behind others (Zhong et al. 2017,
    arXiv:1708.04896, algorithm 1). The rectangle of area s · height · width and height/width r,

        height_e = √(s · r · height · width),  width_e = √(s / r · height · width),

    s uniform in `scale` and log r uniform in [log ratio₀, log ratio₁], is rounded to whole pixels, from 1 to the
    image's size, and put at a place that is uniform among those inside the image. (The paper draws r uniformly, so that
    most rectangles are taller than wide, and again until one fits; here one that does not fit is clipped to the image's
    size.) Labels and masks stay as they are: what is erased in the image is still there in the mask.

    Use it when objects can be hidden, as in person re-identification and detection, or as a part of a strong policy
    for classification: the paper's probability is 0.5, and DeiT's 0.25 with `fill_value="noise"`.

    Avoid it when small details decide the class, or training is so short that the network underfits.

    Config:
        config.augment = dict(name="random_erasing", probability=0.5, scale=(0.02, 0.33))

    Args:
        probability: that an image is changed, from 0 to 1.
        scale: pair, the smallest and the largest part of the image's area, from 0 to 1.
        ratio: pair, the smallest and the largest height/width of the rectangle, above 0.
        fill_value: a number in the images' unit, or `"noise"`: for each pixel and channel another, uniform in the
            images' range (`value_range` for floats).
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> layer = RandomErasing(probability=1.0, scale=(0.25, 0.25), ratio=(1, 1))
        >>> images = layer(np.full((5, 8, 8, 3), 9, "uint8"), seed=0, positions=np.arange(5))
        >>> (np.asarray(images) == 0).mean(axis=(1, 2, 3)).tolist()
        [0.25, 0.25, 0.25, 0.25, 0.25]
    """

    def __init__(self, probability=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), fill_value=0.0, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))
        self.scale = check_range("scale", scale, minimum=0, maximum=1)
        self.ratio = check_range("ratio", ratio)
        check_number("ratio", self.ratio[0], above=0)
        self.fill_value = check_fill(fill_value)

    def transform(self, batch, draws):
        """Returns the batch with a rectangle of each image painted over."""
        images = batch.images
        sides = images.shape[1:3]
        erased = draws.happens(self.probability)
        area = draws.uniform(*self.scale) * float(sides[0] * sides[1])
        ratio = elementary.exp(draws.uniform(*(math.log(bound) for bound in self.ratio)))
        places = draws.uniform(), draws.uniform()
        sizes, starts = [], []
        for side, place, squared in zip(sides, places, (area * ratio, area / ratio)):
            size = ops.clip(ops.round(ops.sqrt(squared)), 1.0, float(side))
            starts.append(ops.cast(ops.floor(place * (side - size + 1.0)), "int32"))
            sizes.append(ops.where(erased, ops.cast(size, "int32"), 0))
        fill = filling(self.fill_value, images, draws, *self.range_of(images))
        return batch._replace(images=erase(images, *starts, *sizes, fill))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        own = {"probability": self.probability, "scale": list(self.scale), "ratio": list(self.ratio)}
        return super().get_config() | own | {"fill_value": self.fill_value}


def erase(images, top, left, height, width, fill_value=0.0):
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
        return fused(paint, images, top, left, height, width, fill_value)
    return select(images, *covered(images.shape[1:3], top, left, height, width), fill_value)


def select(images, rows, columns, others):
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


def filling(fill_value, images, draws, low, high):
    """Returns what `erase` is to paint with: the number, or uniform noise in [low, high) like `images`.

    Args:
        fill_value: a number or `"noise"`.
        images: [b, h, w, channels].
        draws: `Draws`.
        low: the smallest value that images can have.
        high: the largest.
    """
    if fill_value != "noise":
        return fill_value
    noise = uniform_pixels(draws, images.shape[1:]) * (high - low) + low
    return like(noise, images)


def check_fill(fill_value):
    """Returns `fill_value` if it is a number or `"noise"`, otherwise raises a `RequestError`."""
    if isinstance(fill_value, str):
        if fill_value != "noise":
            raise RequestError(f"fill_value must be a number or 'noise', not {fill_value!r}")
        return fill_value
    return float(check_number("fill_value", fill_value))

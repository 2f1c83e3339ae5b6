"""Autocontrast: each channel stretched to the whole range of values."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import like, to_float
from tf_tricks.augment.blend import is_uint8
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.fused import fused
from tf_tricks.errors import check_number


def autocontrast(images, low, high, chosen=None):
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
    slopes, least = fused(_slopes, *fused(_edges, images, low, high), chosen, images.shape[-1], low, high)
    return fused(_stretched, images, slopes, least, low, high)


def _edges(images, low, high):
    """Returns the least and the largest value in each column of each image, [b, w · c] of the images' dtype."""
    _, height, width, channels = images.shape
    rows = ops.reshape(images, (-1, height, width * channels))
    # With the initial values, the edges of an empty batch are defined.
    first, last = (0, 255) if is_uint8(images) else (low, high)
    return ops.min(rows, axis=1, initial=last), ops.max(rows, axis=1, initial=first)


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


def _stretched(images, slopes, least, low, high):
    _, height, width, channels = images.shape
    rows = to_float(ops.reshape(images, (-1, height, width * channels)))
    slopes, least = slopes[:, None], least[:, None]
    stretched = ops.where(slopes == 0, rows, low + (rows - least) * slopes)
    return ops.reshape(like(ops.clip(stretched, low, high), images), (-1, height, width, channels))


@keras.saving.register_keras_serializable("tf_tricks")
class AutoContrast(ColorAugmentation):
    """Stretches each channel of some images to the whole range of values.

    Each value x of a channel of a chosen example becomes low + (high − low) · (x − min) / (max − min), with the least
    and the largest value of the channel; a channel that is the same everywhere stays as it is. This is
    `ImageOps.autocontrast` of Pillow, and one of AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).

    Use it when some of the images that the network will see were enhanced so, or are pale.

    Avoid it when the absolute brightness counts; most photographs have a black and a white pixel anyway, and stay as
    they are.

    Config:
        config.augment = dict(name="autocontrast", probability=0.5)

    Args:
        probability: of an example's being stretched, in [0, 1].
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the probability is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[100], [150], [200]]]], "uint8")
        >>> np.asarray(AutoContrast(probability=1.0)(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [0, 128, 255]
    """

    def __init__(self, probability=0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images, draws, low, high):
        """Returns the images, some of them stretched."""
        return autocontrast(images, low, high, draws.happens(self.probability))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

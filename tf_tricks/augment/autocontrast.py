"""Autocontrast: each channel stretched to the whole range of values."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import Augmentation, like, to_float
from tf_tricks.augment.blend import is_uint8, sometimes
from tf_tricks.augment.fused import fused
from tf_tricks.errors import check_number


def autocontrast(images, low, high):
    """Returns images whose channels each go from `low` to `high`: low + (high − low) · (x − min) / (max − min).

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels. A channel that is the same
            everywhere stays as it is.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> np.asarray(autocontrast(np.array([[[[100], [150], [200]]]], "uint8"), 0, 255)).ravel().tolist()
        [0, 128, 255]
    """
    floats = to_float(images)
    # With the initial values, the edges of an empty batch are defined.
    first, last = (0, 255) if is_uint8(images) else (low, high)
    least = to_float(ops.min(images, axis=(1, 2), keepdims=True, initial=last))
    most = to_float(ops.max(images, axis=(1, 2), keepdims=True, initial=first))
    constant = most <= least
    scale = (high - low) / ops.where(constant, ops.ones_like(least), most - least)
    stretched = ops.where(constant, floats, low + (floats - least) * scale)
    return like(ops.clip(stretched, low, high), images)


@keras.saving.register_keras_serializable("tf_tricks")
class AutoContrast(Augmentation):
    """Stretches each channel of some images to the whole range of values.

    Each value x of a channel of a chosen example becomes low + (high − low) · (x − min) / (max − min), with the least
    and the largest value of the channel; a channel that is the same everywhere stays as it is. This is
    `ImageOps.autocontrast` of Pillow, and one of AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).

    Use it when some of the images that the net will see were enhanced so, or are pale.

    Leave it when the absolute brightness counts; most photographs have a black and a white pixel anyway, and stay as
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

    uses_value_range = True

    def __init__(self, probability=0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def transform(self, batch, draws):
        """Returns the batch with some images stretched."""
        low, high = self.range_of(batch.images)
        chosen = draws.happens(self.probability)
        return batch._replace(images=fused(sometimes, batch.images, chosen, autocontrast, low, high))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

"""Brightness: images made darker or brighter."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import like, per_example, to_float
from tf_tricks.augment.blend import blend_levels, factor_range, is_uint8
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.fused import fused


def brightness(images, factor, low, high):
    """Returns images blended with black: low + factor · (x − low), clipped to [low, high].

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        factor: float32 [b], from 0; 0 is black, 1 changes nothing.
        low: the smallest value, black.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image, factor = np.array([[[[100], [200]]]], "uint8"), np.array([1.5], "float32")
        >>> np.asarray(brightness(image, factor, 0, 255)).ravel().tolist()
        [150, 255]
    """
    if is_uint8(images):
        return blend_levels(images, ops.zeros((1, 1, 1, 1), "float32"), factor)
    floats = to_float(images)
    factor = per_example(factor, floats)
    brighter = floats * factor if low == 0 else low * (1 - factor) + floats * factor
    return like(ops.clip(brighter, low, high), images)


@keras.saving.register_keras_serializable("tf_tricks")
class Brightness(ColorAugmentation):
    """Makes images darker or brighter by a random factor.

    Each value x of an image becomes low + f · (x − low), clipped to the range of values [low, high]; f is drawn for
    each example, uniform in the given range. This is `ImageEnhance.Brightness` of Pillow, and the first part of color
    jitter (Howard 2013, arXiv:1312.5402).

    Use it when photographs are lit differently where the network will work, as in most large collections of them; 0.4
    is the usual value on ImageNet.

    Avoid it when brightness tells the classes apart, or images are scaled to the same brightness anyway.

    Config:
        config.augment = dict(name="brightness", brightness=0.4)

    Args:
        brightness: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range.

    Example:
        >>> import numpy as np
        >>> layer = Brightness(brightness=(0.5, 0.5))
        >>> np.asarray(layer(np.full((1, 1, 2, 1), 100, "uint8"), seed=0, positions=np.arange(1))).ravel().tolist()
        [50, 50]
    """

    def __init__(self, brightness=0.4, **keywords):
        super().__init__(**keywords)
        self.brightness = factor_range("brightness", brightness)

    def change_colors(self, images, draws, low, high):
        """Returns darker and brighter images."""
        return fused(brightness, images, draws.uniform(*self.brightness), low, high)

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"brightness": list(self.brightness)}

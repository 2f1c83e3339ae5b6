"""Brightness: images made darker or brighter."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import factor_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.colour import brightness
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register("augment", "brightness")
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

    def __init__(self, brightness: float | Pair = 0.4, **keywords):
        super().__init__(**keywords)
        self.brightness = factor_range("brightness", brightness)

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns darker and brighter images."""
        return brightness(images, draws.uniform(*self.brightness), low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"brightness": list(self.brightness)}

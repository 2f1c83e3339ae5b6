"""Saturation: images made paler or more colorful."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import factor_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.colour import saturation
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register("augment", "saturation")
@keras.saving.register_keras_serializable("tf_tricks")
class Saturation(ColorAugmentation):
    """Makes images paler or more colorful by a random factor.

    Each value x of a pixel becomes g + f · (x − g), clipped to the range of values, where g = 0.299 red + 0.587 green +
    0.114 blue is the gray of the pixel; f is drawn for each example, uniform in the given range. This is
    `ImageEnhance.Color` of Pillow, and a part of color jitter (Howard 2013, arXiv:1312.5402). Images without
    color stay as they are.

    Use it when the same things come in paler and stronger colors, as in photographs; 0.4 is the usual value on
    ImageNet.

    Avoid it when images are gray, or color tells the classes apart.

    Config:
        config.augment = dict(name="saturation", saturation=0.4)

    Args:
        saturation: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range, or the images have more than 4 channels.

    Example:
        >>> import numpy as np
        >>> layer = Saturation(saturation=(0, 0))
        >>> image = np.array([[[[200, 100, 0]]]], "uint8")
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [118, 118, 118]
    """

    channels = (1, 2, 3, 4)

    def __init__(self, saturation: float | Pair = 0.4, **keywords):
        super().__init__(**keywords)
        self.saturation = factor_range("saturation", saturation)

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns paler and more colorful images."""
        return saturation(images, draws.uniform(*self.saturation), low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"saturation": list(self.saturation)}

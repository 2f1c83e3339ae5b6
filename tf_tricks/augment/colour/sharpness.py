"""Sharpness: images blurred a little, or sharpened."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import factor_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.filters import sharpness
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register("augment", "sharpness")
@keras.saving.register_keras_serializable("tf_tricks")
class Sharpness(ColorAugmentation):
    """Blurs images a little, or sharpens them, by a random factor.

    Each value x of an image becomes s + f · (x − s), clipped to the range of values, where s is the image smoothed with
    the kernel [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13; f is drawn for each example, uniform in the given range. This is
    `ImageEnhance.Sharpness` of Pillow, and one of AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).
    Pixels at the border stay as they are.

    Use it when images come from lenses and codecs of different quality.

    Avoid it when what counts is fine texture.

    Config:
        config.augment = dict(name="sharpness", sharpness=0.9)

    Args:
        sharpness: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((1, 3, 3, 1), "uint8")
        >>> image[0, 1, 1] = 130
        >>> layer = Sharpness(sharpness=(2, 2))
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1)))[0, 1, 1].tolist()
        [210]
    """

    def __init__(self, sharpness: float | Pair = 0.9, **keywords):
        super().__init__(**keywords)
        self.sharpness = factor_range("sharpness", sharpness)

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns smoother and sharper images."""
        return sharpness(images, draws.uniform(*self.sharpness), low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"sharpness": list(self.sharpness)}

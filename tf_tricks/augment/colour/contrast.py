"""Contrast: images moved towards, or away from, their mean."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import factor_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.colour import contrast
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register("augment", "contrast")
@keras.saving.register_keras_serializable("tf_tricks")
class Contrast(ColorAugmentation):
    """Lowers or raises the contrast of images by a random factor.

    Each value x of an image becomes m + f · (x − m), clipped to the range of values, where m is the mean of the gray
    image (0.299 red + 0.587 green + 0.114 blue); f is drawn for each example, uniform in the given range. This is
    `ImageEnhance.Contrast` of Pillow, which however rounds m, and a part of color jitter (Howard 2013,
    arXiv:1312.5402).

    Use it when photographs come from different cameras and lights; 0.4 is the usual value on ImageNet.

    Avoid it when contrast is what tells the classes apart, or is normalized anyway.

    Config:
        config.augment = dict(name="contrast", contrast=0.4)

    Args:
        contrast: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range.

    Example:
        >>> import numpy as np
        >>> layer = Contrast(contrast=(0.5, 0.5))
        >>> image = np.array([[[[100], [200]]]], "uint8")
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [125, 175]
    """

    def __init__(self, contrast: float | Pair = 0.4, **keywords):
        super().__init__(**keywords)
        self.contrast = factor_range("contrast", contrast)

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns images of lower and higher contrast."""
        return contrast(images, draws.uniform(*self.contrast), low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"contrast": list(self.contrast)}

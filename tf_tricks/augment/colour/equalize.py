"""Equalize: each channel's values spread so that all are about as frequent."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.histograms import equalize
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "equalize")
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

    def __init__(self, probability: float = 0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images, some of them equalized."""
        return equalize(images, low, high, draws.happens(self.probability))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

"""Invert: negatives of images."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.levels import invert, sometimes
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "invert")
@keras.saving.register_keras_serializable("tf_tricks")
class Invert(ColorAugmentation):
    """Turns some images into their negatives.

    Each value x of a chosen example becomes low + high − x, where [low, high] is the range of values. This is
    `ImageOps.invert` of Pillow, and one of AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).

    Use it when light on dark and dark on light mean the same, as for symbols, text and house numbers.

    Avoid it when images are photographs: no camera makes negatives any more.

    Config:
        config.augment = dict(name="invert", probability=0.5)

    Args:
        probability: of an example's being inverted, in [0, 1].
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the probability is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[100], [200]]]], "uint8")
        >>> np.asarray(Invert(probability=1.0)(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [155, 55]
    """

    def __init__(self, probability: float = 0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images, some of them inverted."""
        return sometimes(images, draws.happens(self.probability), invert, low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

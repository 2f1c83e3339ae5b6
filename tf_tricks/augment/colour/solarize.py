"""Solarize: bright pixels inverted."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.arguments import check_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.levels import solarize, sometimes
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "solarize")
@keras.saving.register_keras_serializable("tf_tricks")
class Solarize(ColorAugmentation):
    """Inverts the bright pixels of some images.

    Each value x of a chosen example that is at or above a threshold becomes low + high − x. This is
    `ImageOps.solarize` of Pillow, and one of AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).

    Use it when you compose a strong policy by hand, for training that is long enough to need one.

    Avoid it when the usual augmentations already keep the network from fitting the training set: no camera makes such
    images.

    Config:
        config.augment = dict(name="solarize", threshold=(0.5, 1.0), probability=0.2)

    Args:
        threshold: the part of the range of values, in [0, 1], that stays: 0.5 inverts the upper half; or a pair
            (low, high), in which it is drawn for each example.
        probability: of an example's being chosen, in [0, 1].
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: a number is out of its range.

    Example:
        >>> import numpy as np
        >>> layer = Solarize(threshold=0.5, probability=1.0)
        >>> image = np.array([[[[100], [200]]]], "uint8")
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [100, 55]
    """

    def __init__(self, threshold: Any = 0.5, probability: float = 0.5, **keywords):
        super().__init__(**keywords)
        pair = isinstance(threshold, (tuple, list))
        if not pair:
            check_number("threshold", threshold, minimum=0, maximum=1)
        self.threshold = check_range("threshold", threshold if pair else (threshold, threshold), minimum=0, maximum=1)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images, some of them solarized."""
        threshold = low + (high - low) * draws.uniform(*self.threshold)
        return sometimes(images, draws.happens(self.probability), solarize, threshold, low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"threshold": list(self.threshold), "probability": self.probability}

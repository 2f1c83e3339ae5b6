"""Autocontrast: each channel stretched to the whole range of values."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.histograms import autocontrast
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "autocontrast")
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

    def __init__(self, probability: float = 0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images, some of them stretched."""
        return autocontrast(images, low, high, draws.happens(self.probability))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

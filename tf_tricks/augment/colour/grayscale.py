"""Grayscale: images without color."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.colour import grayscale
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "grayscale")
@keras.saving.register_keras_serializable("tf_tricks")
class Grayscale(ColorAugmentation):
    """Takes the color out of some images.

    Each channel of a chosen example becomes 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601, as in Pillow). Images
    without color stay as they are. In contrastive learning, the probability is 0.2 (Chen et al. 2020,
    arXiv:2002.05709).

    Use it when form should count for more than color, or some of the images that the network will see are gray.

    Avoid it when color tells the classes apart.

    Config:
        config.augment = dict(name="grayscale", probability=0.2)

    Args:
        probability: of an example's losing its color, in [0, 1].
        **keywords: arguments of `Augmentation`: `seed`, `name`, …

    Raises:
        RequestError: the probability is out of its range, or the images have more than 4 channels.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[200, 100, 20]]]], "uint8")
        >>> np.asarray(Grayscale(probability=1.0)(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [121, 121, 121]
    """

    uses_value_range = False
    channels = (1, 2, 3, 4)

    def __init__(self, probability: float = 0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images, some of them gray."""
        return grayscale(images, draws.happens(self.probability))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

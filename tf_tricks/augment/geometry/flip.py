"""Flip: mirror images, the cheapest augmentation and nearly always a gain."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import GeometricAugmentation
from tf_tricks.augment.functional.flipping import flip
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "flip")
@keras.saving.register_keras_serializable("tf_tricks")
class Flip(GeometricAugmentation):
    """Mirrors each image left to right, top to bottom, or both, at random.

    A mirror image of a scene is nearly always a likely scene with the same label; the network sees twice the images.
    With probability p, for each axis independently, pixel (i, j) of the result is pixel (i, width − 1 − j) of the image
    (horizontal), or pixel (height − 1 − i, j) (vertical). Krizhevsky et al. 2012, "ImageNet classification with deep
    convolutional neural networks", section 4.1.

    Use it horizontally on photographs and nearly all natural images; vertically too where there is no up and down, as
    in microscopy or seen from above.

    Avoid it when the mirror image means something else: digits, letters, traffic signs, left and right hands.

    Config:
        config.augment = dict(name="flip", horizontal=True)

    Args:
        horizontal: whether to flip left to right.
        vertical: whether to flip top to bottom.
        probability: of each of the flips, from 0 to 1.
        **keywords: `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> images = np.arange(6, dtype="uint8").reshape(1, 2, 3, 1)
        >>> np.asarray(Flip(probability=1)(images, seed=0, positions=np.arange(1)))[0, :, :, 0].tolist()
        [[2, 1, 0], [5, 4, 3]]
    """

    def __init__(self, horizontal: bool = True, vertical: bool = False, probability: float = 0.5, **keywords):
        super().__init__(**keywords)
        for name, value in (("horizontal", horizontal), ("vertical", vertical)):
            if not isinstance(value, bool):
                raise RequestError(f"{name} must be True or False, not {value!r}")
        self.horizontal, self.vertical = horizontal, vertical
        self.probability = check_number("probability", probability, minimum=0, maximum=1)

    def draw(self, draws: Draws, height: int, width: int) -> list[Tensor | None]:
        """Returns which examples are flipped (left to right, top to bottom), bool [b] or None each."""
        return [draws.happens(self.probability) if flips else None for flips in (self.horizontal, self.vertical)]

    def move(
        self, images: Tensor, parameters: Sequence[Tensor | None], interpolation: str, fill_value: float
    ) -> Tensor:
        """Returns the images flipped."""
        return flip(images, *parameters)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        own = {"horizontal": self.horizontal, "vertical": self.vertical, "probability": self.probability}
        return super().get_config() | own

"""Rotation: turn images about their centers."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import symmetric
from tf_tricks.augment.augmentation import GeometricAugmentation
from tf_tricks.augment.functional.motions import rotate
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register("augment", "rotation")
@keras.saving.register_keras_serializable("tf_tricks")
class Rotation(GeometricAugmentation):
    """Turns each image about its center by a random angle.

    Cameras are not held quite level, and some scenes have no up and down at all. With an angle θ, uniform in the
    range, the value at (x, y) from the center, x to the right and y down, is the image's, interpolated bilinearly, at

        (x cos θ − y sin θ, x sin θ + y cos θ)

    which turns the contents counter-clockwise by θ; what comes in from outside has the fill value. Simard et al. 2003,
    "Best practices for convolutional neural networks applied to visual document analysis"; as an operation of
    policies: Cubuk et al. 2018, "AutoAugment", arXiv:1805.09501.

    Use it with 10 to 20 degrees on photographs and writing; with 180 where there is no up and down, as in microscopy
    or seen from above.

    Avoid it when the angle is the answer (6 and 9), or when edges that are always level help.

    Config:
        config.augment = dict(name="rotation", degrees=15)

    Args:
        degrees: the range of the angle, from −180 to 180: a number n for (−n, n), or a pair. Above 0 is
            counter-clockwise.
        **keywords: `fill_value`, `mask_fill_value`, `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.arange(4, dtype="uint8").reshape(1, 2, 2, 1)
        >>> np.asarray(Rotation(degrees=(90, 90))(image, seed=0, positions=np.arange(1)))[0, :, :, 0].tolist()
        [[1, 3], [0, 2]]
    """

    def __init__(self, degrees: float | Pair = 15, **keywords):
        super().__init__(**keywords)
        self.degrees = symmetric("degrees", degrees, 180)

    def draw(self, draws: Draws, height: int, width: int) -> Tensor:
        """Returns the angles, degrees, float32 [b]."""
        return draws.uniform(*self.degrees)

    def move(self, images: Tensor, parameters: Tensor, interpolation: str, fill_value: float) -> Tensor:
        """Returns the images turned."""
        return rotate(images, parameters, interpolation, fill_value, max(map(abs, self.degrees)))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"degrees": list(self.degrees)}

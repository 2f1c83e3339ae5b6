"""Shear: slant images."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import symmetric
from tf_tricks.augment.augmentation import GeometricAugmentation
from tf_tricks.augment.functional.motions import shear
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register("augment", "shear")
@keras.saving.register_keras_serializable("tf_tricks")
class Shear(GeometricAugmentation):
    """Slants each image: moves its rows to the side, or its columns up and down, the more the further out.

    It is what a camera at an angle, or a slanted hand, does. The value at (x, y) from the center, x to the right and y
    down, is the image's, interpolated bilinearly, at

        (x + s y, y + t x)

    with s and t uniform in the two ranges; what comes in from outside has the fill value. They are tangents of the
    angles of slant: 0.3 is 17 degrees. Cubuk et al. 2018, "AutoAugment", arXiv:1805.09501, have ShearX and ShearY up
    to 0.3, one at a time.

    Use it for writing and for objects seen from many sides, in general as one operation among others.

    Avoid it when right angles matter, or rotation and zoom do enough.

    Config:
        config.augment = dict(name="shear", x=0.3)

    Args:
        x: the range of s, from −1 to 1, without unit: a number n for (−n, n), or a pair. Above 0 slants the top to the
            right.
        y: the range of t, as `x`; above 0 slants the left side down. 0, or x = 0, is the cheapest where XLA compiles.
        **keywords: `fill_value`, `mask_fill_value`, `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.arange(9, dtype="uint8").reshape(1, 3, 3, 1)
        >>> np.asarray(Shear(x=(1, 1))(image, seed=0, positions=np.arange(1)))[0, :, :, 0].tolist()
        [[0, 0, 1], [3, 4, 5], [7, 8, 0]]
    """

    def __init__(self, x: float | Pair = 0.3, y: float | Pair = 0.0, **keywords):
        super().__init__(**keywords)
        self.x, self.y = symmetric("x", x, 1), symmetric("y", y, 1)

    def draw(self, draws: Draws, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Returns the tangents s and t, float32 [b] each."""
        return draws.uniform(*self.x), draws.uniform(*self.y)

    def move(self, images: Tensor, parameters: tuple[Tensor, Tensor], interpolation: str, fill_value: float) -> Tensor:
        """Returns the images slanted."""
        largest = [max(map(abs, tangents)) for tangents in (self.x, self.y)]
        return shear(images, *parameters, interpolation, fill_value, largest)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"x": list(self.x), "y": list(self.y)}

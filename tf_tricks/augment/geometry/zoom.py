"""Zoom: enlarge or shrink images about their centers."""

import math
from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import positive
from tf_tricks.augment.augmentation import GeometricAugmentation
from tf_tricks.augment.functional import elementary
from tf_tricks.augment.functional.motions import zoom
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "zoom")
@keras.saving.register_keras_serializable("tf_tricks")
class Zoom(GeometricAugmentation):
    """Enlarges or shrinks each image about its center by a random factor.

    Objects are seen from near and far. Pixel (i, j) of the result is the image's value, interpolated bilinearly, at

        (p + (i − p) / u, q + (j − q) / v)

    where (p, q) is the center, and u = v unless the width has factors of its own. The factors are e^r with r uniform
    between the logarithms of the range's ends, so that with (1/f, f) zooming in and out are equally likely. What comes
    in from outside has the fill value. Simonyan and Zisserman 2014, "Very deep convolutional networks for large-scale
    image recognition", arXiv:1409.1556, section 3.1, call it scale jittering.

    Use it when objects come in many sizes, and with another range for the width when their shapes vary, too.

    Avoid it when size is the answer, or random_resized_crop is used, which zooms in much further.

    Config:
        config.augment = dict(name="zoom", factor=(0.8, 1.25))

    Args:
        factor: the range of u, above 0: a number f from 1 for (1/f, f), or a pair. Above 1 enlarges.
        width_factor: the range of v, as `factor`; None for v = u.
        **keywords: `fill_value`, `mask_fill_value`, `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.arange(4, dtype="float32").reshape(1, 1, 4, 1)
        >>> np.asarray(Zoom(factor=(2, 2))(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [0.75, 1.25, 1.75, 2.25]
    """

    def __init__(self, factor: float | Pair = (0.8, 1.25), width_factor: float | Pair | None = None, **keywords):
        super().__init__(**keywords)
        self.factor = _range("factor", factor)
        self.width_factor = None if width_factor is None else _range("width_factor", width_factor)

    def draw(self, draws: Draws, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Returns the factors of height and width, float32 [b] each."""
        ranges = [self.factor] if self.width_factor is None else [self.factor, self.width_factor]
        factors = [elementary.exp(draws.uniform(math.log(low), math.log(high))) for low, high in ranges]
        return factors[0], factors[-1]

    def move(self, images: Tensor, parameters: tuple[Tensor, Tensor], interpolation: str, fill_value: float) -> Tensor:
        """Returns the images enlarged or shrunk."""
        return zoom(images, *parameters, interpolation, fill_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        width_factor = None if self.width_factor is None else list(self.width_factor)
        return super().get_config() | {"factor": list(self.factor), "width_factor": width_factor}


def _range(name, value):
    if not isinstance(value, (tuple, list)):
        value = float(check_number(name, value, minimum=1))
        return 1 / value, value
    return positive(name, value)

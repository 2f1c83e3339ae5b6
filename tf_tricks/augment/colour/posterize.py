"""Posterize: fewer levels of each color."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.arguments import check_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.levels import posterize
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "posterize")
@keras.saving.register_keras_serializable("tf_tricks")
class Posterize(ColorAugmentation):
    """Keeps a random number of upper bits of each value.

    Of the 8 bits of each value the upper n are kept, the others become 0, which leaves 2ⁿ levels; n is drawn for each
    example, uniform in the given range. This is `ImageOps.posterize` of Pillow, and one of AutoAugment's transforms
    (Cubuk et al. 2018, arXiv:1805.09501). Floats are rounded to 256 levels first.

    Use it when you compose a strong policy by hand; 4 bits are the fewest in AutoAugment's policies for photographs.

    Avoid it when the usual augmentations already keep the network from fitting the training set.

    Config:
        config.augment = dict(name="posterize", bits=(4, 8))

    Args:
        bits: the bits to keep, an integer from 0 to 8, where 8 changes nothing; or a pair (least, most).
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: a number of bits is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[100], [200]]]], "uint8")
        >>> np.asarray(Posterize(bits=2)(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [64, 192]
    """

    def __init__(self, bits: Any = (4, 8), **keywords):
        super().__init__(**keywords)
        pair = isinstance(bits, (tuple, list))
        for number in bits if pair else [bits]:
            check_number("bits", number, minimum=0, maximum=8, integer=True)
        self.bits = tuple(map(int, check_range("bits", bits if pair else (bits, bits))))

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns images of fewer levels."""
        return posterize(images, draws.integers(self.bits[0], self.bits[1] + 1), low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"bits": list(self.bits)}

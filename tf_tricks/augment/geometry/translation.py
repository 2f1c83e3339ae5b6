"""Translation: move images by a fraction of their size."""

import math
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import symmetric
from tf_tricks.augment.augmentation import GeometricAugmentation
from tf_tricks.augment.functional.motions import translate
from tf_tricks.augment.functional.shifting import shift_and_flip
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError
from tf_tricks.registry import register


@register("augment", "translation")
@keras.saving.register_keras_serializable("tf_tricks")
class Translation(GeometricAugmentation):
    """Moves each image up or down and to a side by a random fraction of its size.

    The label of a picture does not depend on where exactly the object is. Pixel (i, j) of the result is the image's
    value at (i − u · height, j − v · width), u and v uniform in the two ranges, interpolated bilinearly; what comes in
    from outside has the fill value. LeCun et al. 1998, "Gradient-based learning applied to document recognition",
    section III; as an operation of policies: Cubuk et al. 2018, "AutoAugment", arXiv:1805.09501.

    Use it on images in which the object is small or off the center in use, of any size: 0.1 is a usual range.

    Avoid it when pixels must stay as they are (pad_and_crop copies them, and is cheaper), or random_resized_crop moves
    the contents already.

    Config:
        config.augment = dict(name="translation", height=0.1, width=0.1)

    Args:
        height: the range of u, a fraction of the height from −1 to 1: a number n for (−n, n), or a pair. Above 0 is
            down.
        width: the range of v, a fraction of the width, as `height`. Above 0 is to the right.
        whole_pixels: whether to round the move to whole pixels, which copies pixels instead of interpolating.
        **keywords: `fill_value`, `mask_fill_value`, `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> image = np.arange(6, dtype="uint8").reshape(1, 2, 3, 1)
        >>> move = Translation(height=0, width=(1 / 3, 1 / 3), fill_value=9)
        >>> np.asarray(move(image, seed=0, positions=np.arange(1)))[0, :, :, 0].tolist()
        [[9, 0, 1], [9, 3, 4]]
    """

    def __init__(self, height: float | Pair = 0.1, width: float | Pair = 0.1, whole_pixels: bool = False, **keywords):
        super().__init__(**keywords)
        self.height, self.width = symmetric("height", height, 1), symmetric("width", width, 1)
        if not isinstance(whole_pixels, bool):
            raise RequestError(f"whole_pixels must be True or False, not {whole_pixels!r}")
        self.whole_pixels = whole_pixels

    def draw(self, draws: Draws, height: int, width: int) -> tuple[list[Tensor], list[float]]:
        """Returns how many pixels each image moves down and to the right, float32 [b] each, and bounds of these."""
        ranges = [(low * size, high * size) for (low, high), size in ((self.height, height), (self.width, width))]
        return [draws.uniform(*pixels) for pixels in ranges], [max(map(abs, pixels)) for pixels in ranges]

    def move(self, images: Tensor, parameters: Any, interpolation: str, fill_value: float) -> Tensor:
        """Returns the images moved."""
        moves, largest = parameters
        if not self.whole_pixels:
            return translate(images, *moves, interpolation, fill_value, largest)  # type: ignore[call-arg]
        up, left = (ops.cast(ops.floor(0.5 - move), "int32") for move in moves)
        return shift_and_flip(images, up, left, None, fill_value, [math.floor(most + 0.5) for most in largest])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        own = {"height": list(self.height), "width": list(self.width), "whole_pixels": self.whole_pixels}
        return super().get_config() | own

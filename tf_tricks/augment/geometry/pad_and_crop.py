"""Pad and crop: moves of whole pixels, the augmentation of small images."""

from typing import Any

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch, GeometricAugmentation
from tf_tricks.augment.functional.shifting import shift_and_flip
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "pad_and_crop")
@keras.saving.register_keras_serializable("tf_tricks")
class PadAndCrop(GeometricAugmentation):
    """Pads each image on all sides and takes a random crop of the original size from it.

    The network sees each object in many places and learns that a small move changes nothing. Pixel (i, j) of the result
    is pixel (i + u, j + v) of the image, with integers u and v, uniform in −pad, …, pad; pixels outside of the image
    have the fill value. Pixels are copied, never interpolated. He et al. 2015, "Deep residual learning for image
    recognition", arXiv:1512.03385, section 4.2.

    Use it on small images in which the object's place varies little, as CIFAR's: pad 4 of 32 pixels, with a flip. It
    is the first augmentation to try there.

    Avoid it when the object's place is the answer, or images are large: there random_resized_crop is usual, and
    translation moves by fractions of the size.

    Config:
        config.augment = dict(name="pad_and_crop", pad=4)

    Args:
        pad: the largest shift, in pixels, down, up and to both sides; an integer from 0, at most the images' height
            and width.
        **keywords: `fill_value`, `mask_fill_value`, `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range, or the images are smaller than `pad`.

    Example:
        >>> import numpy as np
        >>> images, labels = np.ones((4, 32, 32, 3), "uint8"), np.arange(4)
        >>> images, labels = PadAndCrop(pad=4)(images, labels, seed=0, positions=np.arange(100, 104))
        >>> np.asarray(images).shape, np.asarray(images).dtype
        ((4, 32, 32, 3), dtype('uint8'))
    """

    def __init__(self, pad: int = 4, **keywords):
        super().__init__(**keywords)
        self.pad = int(check_number("pad", pad, minimum=0, integer=True))

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with images and masks moved alike."""
        return super().transform(batch, draws) if self.pad else batch

    def draw(self, draws: Draws, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Returns how far the crop lies down and to the right of the image, int32 [b] each."""
        if self.pad > min(height, width):
            raise RequestError(f"pad must be at most the images' size, {min(height, width)}, not {self.pad}")
        return draws.integers(-self.pad, self.pad + 1), draws.integers(-self.pad, self.pad + 1)

    def move(self, images: Tensor, parameters: tuple[Tensor, Tensor], interpolation: str, fill_value: float) -> Tensor:
        """Returns the images moved; they are not interpolated."""
        return shift_and_flip(images, *parameters, None, fill_value, largest=self.pad)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"pad": self.pad}

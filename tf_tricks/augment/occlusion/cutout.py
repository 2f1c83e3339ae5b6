"""Cutout: a square of each image is painted over."""

from typing import Any

import keras

from tf_tricks.augment.arguments import check_fill
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.functional.rectangles import erase
from tf_tricks.augment.occlusion.filling import filling
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "cutout", example={"size": 4})
@keras.saving.register_keras_serializable("tf_tricks")
class Cutout(Augmentation):
    """Paints over a square of fixed size, whose center is anywhere in the image.

    The network must use the whole context of an object (DeVries & Taylor 2017, arXiv:1708.04552). The square's center
    is uniform over the pixels, so that a part of it is outside of many images, and some keep most of their content; the
    paper finds that this matters. It covers the rows i₀, …, i₀ + size − 1 with i₀ = center − ⌊size / 2⌋, columns
    likewise. Labels and masks stay as they are: what is cut out of the image is still there in the mask.

    Use it for small images with few augmentations, after flips and shifts: the paper has size 16 for CIFAR-10, 8 for
    CIFAR-100 and 20 for SVHN, all 32 × 32.

    Avoid it when mixing images already (cutmix fills the square with another image and mostly gains more), or when
    details decide the class.

    Config:
        config.augment = dict(name="cutout", size=8)

    Args:
        size: side of the square in pixels, an integer from 0; at most twice the image's smaller side makes sense.
        fill_value: a number in the images' unit (the paper's 0 is the mean of standardized images), or `"noise"`: for
            each pixel and channel another, uniform in the images' range.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> images = Cutout(size=2)(np.ones((3, 4, 4, 1), "uint8"), seed=1, positions=np.arange(3))
        >>> int((np.asarray(images) == 0).sum(axis=(1, 2, 3)).max())
        4
    """

    def __init__(self, size: int = 8, fill_value: float | str = 0.0, **keywords):
        super().__init__(**keywords)
        self.size = int(check_number("size", size, minimum=0, maximum=2**15, integer=True))
        self.fill_value = check_fill(fill_value)

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with a square of each image painted over."""
        images = batch.images
        top, left = (draws.integers(0, side) - self.size // 2 for side in images.shape[1:3])
        fill = filling(self.fill_value, images, draws, *self.range_of(images))
        if self.size == 0:
            return batch
        size = top * 0 + self.size
        return batch._replace(images=erase(images, top, left, size, size, fill))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"size": self.size, "fill_value": self.fill_value}

"""The standard augmentation of small images: random horizontal flip, random crop, and cutout if wanted."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch, GeometricAugmentation
from tf_tricks.augment.functional.shifting import shift_and_flip
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "standard", example={"cutout": 4})
@keras.saving.register_keras_serializable("tf_tricks")
class Standard(GeometricAugmentation):
    """Flips each image left to right with probability 1/2, then shifts it by up to `pad` pixels.

    The lecture-era policy for CIFAR: pad each side with `pad` zeros and take a random crop of the original size (He et
    al. 2015, arXiv:1512.03385, section 4.2). Pixel (i, j) of the result is pixel (i + u, j' + v) of the image, where
    j' = j or width − 1 − j, u and v are uniform in −pad, …, pad, and pixels outside of the image have the fill value.
    With `cutout`, a square of that many pixels, whose center is uniform over the image's pixels, is then painted over
    with the fill value; what of it lies outside is cut off (DeVries & Taylor 2017, arXiv:1708.04552). Pixels are
    copied, never interpolated; masks move along, and are not painted over.

    Use it first, for small natural images: CIFAR's baselines have it, with `cutout=16` for CIFAR-10 and 8 for CIFAR-100
    in cutout's paper.

    Avoid it when a mirrored object is another one, as digits and letters are (`flip=False`), or where the object must
    be found in large images: `random_resized_crop` and `flip` are usual there.

    Config:
        config.augment = dict(name="standard", flip=True, pad=4)

    Args:
        flip: whether to flip.
        pad: the largest shift, in pixels; an integer from 0, at most the image's height and width.
        cutout: the square's side, in pixels; an integer, 0 for none.
        **keywords: `fill_value`, in the images' unit, `mask_fill_value`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range, or the images are smaller than `pad`.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import Standard
        >>> images, labels = np.ones((4, 32, 32, 3), "uint8"), np.arange(4)
        >>> images, labels = Standard(flip=True, pad=4)(images, labels, seed=0, positions=np.arange(100, 104))
        >>> np.asarray(images).shape, np.asarray(images).dtype
        ((4, 32, 32, 3), dtype('uint8'))
    """

    def __init__(self, flip: bool = True, pad: int = 4, cutout: int = 0, **keywords):
        super().__init__(**keywords)
        if not isinstance(flip, bool):
            raise RequestError(f"flip must be True or False, not {flip!r}")
        self.flip = flip
        self.pad = int(check_number("pad", pad, minimum=0, integer=True))
        self.cutout = int(check_number("cutout", cutout, minimum=0, integer=True))

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with images and masks moved alike, and squares of the images painted over."""
        images = batch.images
        parameters, hole = self.draw(draws, *images.shape[1:3]), None
        if self.cutout:
            top, left = (draws.integers(0, side) - self.cutout // 2 for side in images.shape[1:3])
            size = ops.full_like(top, self.cutout)
            hole = top, left, size, size
        elif not self.flip and not self.pad:
            return batch
        images = shift_and_flip(images, *parameters, self.fill_value, self.pad, hole)
        return batch._replace(images=images, masks=self.move_masks(batch.masks, parameters))

    def draw(self, draws: Draws, height: int, width: int) -> tuple[Tensor, Tensor, Tensor | None]:
        """Returns down and right, int32 [b] each, and whether to flip, bool [b]."""
        if self.pad > min(height, width):
            raise RequestError(f"pad must be at most the images' size, {min(height, width)}, not {self.pad}")
        # The order of these draws is part of the trained models' record: the flip first, then down, then right.
        flipped = ops.equal(draws.integers(0, 2), 1)
        down, right = (draws.integers(-self.pad, self.pad + 1) for _ in range(2))
        return down, right, flipped if self.flip else None

    def move(
        self, images: Tensor, parameters: tuple[Tensor, Tensor, Tensor | None], interpolation: str, fill_value: float
    ) -> Tensor:
        """Returns the images flipped and moved; they are not interpolated."""
        return shift_and_flip(images, *parameters, fill_value, largest=self.pad)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"flip": self.flip, "pad": self.pad, "cutout": self.cutout}

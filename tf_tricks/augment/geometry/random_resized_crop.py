"""Random resized crop: a random part of the image, at the size that the network takes."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Pair, Shape, Tensor
from tf_tricks.augment.arguments import positive
from tf_tricks.augment.augmentation import GeometricAugmentation
from tf_tricks.augment.functional import elementary
from tf_tricks.augment.functional.motions import crop_and_resize
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "random_resized_crop")
@keras.saving.register_keras_serializable("tf_tricks")
class RandomResizedCrop(GeometricAugmentation):
    """Takes a random part of each image, of random area and shape, and resizes it to one size.

    The network sees objects from near and far, whole and in part, slightly narrowed and widened. The part's area is
    uniform in `scale` (as a part of the image's), its width / height is e^r with r uniform between the logarithms of
    `ratio`'s ends, as far as such a part fits into the image, and its place is uniform in the image, in fractions of
    pixels. It is resized bilinearly; at the image's edge the outermost pixels go on. Szegedy et al. 2014, "Going
    deeper with convolutions", arXiv:1409.4842, section 6. Their code draws again where a part does not fit; here the
    shape is drawn from those that do, so that every example takes as many random numbers. On images that are not square
    parts are larger so: of 40 × 60 pixels 0.53 on average, where drawing again leaves 0.40.

    With `scale=None` nothing is resized: it is the plain random crop of `size` pixels, copies of them. As a layer of a
    model it does nothing at inference: with a `size` the images must then have this size already.

    Use it on photographs of 64 pixels and more, with a flip: it is the base of every recipe for ImageNet. With few
    epochs a larger smallest scale, 0.25 or 0.35, learns faster.

    Avoid it when images are small (pad_and_crop), or size and completeness are the answer. A part that is much larger
    than `size` aliases, since each pixel is made of four.

    Config:
        config.augment = dict(name="random_resized_crop", scale=(0.25, 1.0))

    Args:
        scale: the range of the part's area, above 0, at most 1; None for parts of `size` pixels.
        ratio: the range of its width / height, above 0.
        size: (height, width) of the result in pixels, an integer for both, or None for the images' size.
        **keywords: `value_range`, `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range, or, with `scale=None`, the images are smaller than `size`.

    Example:
        >>> import numpy as np
        >>> images, labels = np.full((4, 48, 64, 3), 7, "uint8"), np.arange(4)
        >>> images, labels = RandomResizedCrop(size=32)(images, labels, seed=0, positions=np.arange(100, 104))
        >>> np.asarray(images).shape, np.unique(images).tolist()
        ((4, 32, 32, 3), [7])
    """

    def __init__(
        self,
        scale: Pair | None = (0.08, 1.0),
        ratio: Pair = (3 / 4, 4 / 3),
        size: int | Sequence[int] | None = None,
        **keywords,
    ):
        super().__init__(**keywords)
        self.scale = None if scale is None else positive("scale", scale, 1)
        self.ratio = positive("ratio", ratio)
        self.size = None if size is None else _size(size)
        if scale is None and size is None:
            raise RequestError("random_resized_crop needs a size where scale is None")

    def draw(self, draws: Draws, height: int, width: int) -> Sequence[Tensor]:
        """Returns the part's place and size: top, left, height and width, pixels, float32 [b] each."""
        if self.scale is None:
            return self._draw_whole_pixels(draws, height, width)
        part = random_part(draws.uniform(*self.scale), draws.uniform(), self.ratio, height, width)
        return draws.uniform() * (height - part[0]), draws.uniform() * (width - part[1]), *part

    def move(self, images: Tensor, parameters: Sequence[Tensor], interpolation: str, fill_value: float) -> Tensor:
        """Returns the parts, resized."""
        interpolation = "nearest" if self.scale is None else interpolation
        return crop_and_resize(images, *parameters, self.size or images.shape[1:3], interpolation)  # type: ignore[call-arg]

    def compute_output_shape(self, images_shape: Shape) -> Shape:
        """Returns the shape of the images that come out."""
        size = images_shape[1:3] if self.size is None else self.size
        return (images_shape[0], *size, images_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        scale, size = (None if pair is None else list(pair) for pair in (self.scale, self.size))
        return super().get_config() | {"scale": scale, "ratio": list(self.ratio), "size": size}

    def _draw_whole_pixels(self, draws, height, width):
        rows, columns = self.size
        if rows > height or columns > width:
            raise RequestError(f"size must be at most the images', {height}×{width}, not {rows}×{columns}")
        top, left = draws.integers(0, height - rows + 1), draws.integers(0, width - columns + 1)
        same = ops.ones_like(top)
        return [ops.cast(one, "float32") for one in (top, left, same * rows, same * columns)]


def random_part(area: Tensor, place: Tensor, ratio: Pair, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Returns the height and width, pixels, of parts of images.

    The logarithm of width / height is at `place` (0 to 1) of the range of those that the image has room for; if it has
    room for none, the part is narrower or lower than its area says.

    Args:
        area: float32 [b], above 0, at most 1, as a part of the image's.
        place: float32 [b], from 0 to 1.
        ratio: pair of numbers, the range of width / height.
        height: of the images, pixels.
        width: of the images, pixels.

    Example:
        >>> import numpy as np
        >>> sides = random_part(np.array([1 / 4, 1], "float32"), np.array([1, 1], "float32"), (1, 4), 32, 32)
        >>> [np.asarray(side).round(3).tolist() for side in sides]
        [[8.0, 32.0], [32.0, 32.0]]
    """
    low, high = math.log(ratio[0]), math.log(ratio[1])
    smallest = ops.clip(elementary.log(area * (width / height)), low, high)
    largest = ops.clip(elementary.log(width / height / area), low, high)
    root = elementary.exp((smallest + place * (largest - smallest)) / 2)
    side = ops.sqrt(area * (height * width))
    return ops.minimum(side / root, float(height)), ops.minimum(side * root, float(width))


def _size(size):
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2:
        raise RequestError(f"size must be an integer or a pair (height, width), not {size!r}")
    return tuple(int(check_number("size", side, minimum=1, integer=True)) for side in pair)

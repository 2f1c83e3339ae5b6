"""What erased rectangles are painted with."""

from tf_tricks.annotations import Tensor
from tf_tricks.augment.functional.dtypes import like
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.augment.randomness.pixels import uniform_pixels


def filling(fill_value: float | str, images: Tensor, draws: Draws, low: float, high: float) -> float | Tensor:
    """Returns what `erase` is to paint with: the number, or uniform noise in [low, high) like `images`.

    Args:
        fill_value: a number or `"noise"`.
        images: [b, h, w, channels].
        draws: `Draws`.
        low: the smallest value that images can have.
        high: the largest.
    """
    if fill_value != "noise":
        return fill_value
    noise = uniform_pixels(draws, images.shape[1:]) * (high - low) + low
    return like(noise, images)

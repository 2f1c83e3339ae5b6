"""Gaussian noise on every pixel."""

from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import check_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.augment.randomness.pixels import add_noise
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "gaussian_noise")
@keras.saving.register_keras_serializable("tf_tricks")
class GaussianNoise(ColorAugmentation):
    """Adds noise of the normal distribution to every pixel and channel of color.

    With the images' range [low, high] and σ the standard deviation as a part of it,

        y = clip(x + σ · (high − low) · n, low, high),  n ~ N(0, 1) for each pixel and channel,

    the network learns not to rely on the finest details. Training with small noise is a penalty on the outputs' slopes
    (Bishop 1995, doi:10.1162/neco.1995.7.1.108), and noise in training makes networks robust to other corruptions of
    images too (Rusak et al. 2020, arXiv:2001.06057). Unlike `layers.gaussian_noise`, a layer of the model, it keeps to
    the images' range and dtype, and draws as a function of the place in the stream.

    Use it when images will be noisy, as from cameras in the dark: σ up to 0.1, drawn anew for each image.

    Avoid it when the texture of single pixels decides the class, or when the budget is short: noise slows learning.

    Config:
        config.augment = dict(name="gaussian_noise", stddev=(0.0, 0.1))

    Args:
        stddev: σ, a part of the images' range from 0 to 1, or a pair (low, high) from which each example draws its
            own; 0.05 of uint8 images is 12.75.
        **keywords: arguments of `Augmentation`: `value_range` (of floats), `seed`, `name`, …

    Raises:
        RequestError: an argument is out of its range, or floats are outside of `value_range`.

    Example:
        >>> import numpy as np
        >>> images = np.full((2, 64, 64, 3), 128, "uint8")
        >>> noisy = np.asarray(GaussianNoise(stddev=0.1)(images, seed=0, positions=np.arange(2)))
        >>> bool(abs(noisy.std() - 25.5) < 0.5), noisy.dtype
        (True, dtype('uint8'))
    """

    def __init__(self, stddev: float | Pair = 0.05, **keywords):
        super().__init__(**keywords)
        pair = stddev if isinstance(stddev, (tuple, list)) else (check_number("stddev", stddev, 0, 1),) * 2
        self.stddev = check_range("stddev", pair, minimum=0, maximum=1)

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns the images with noise on them."""
        stddev = draws.uniform(*self.stddev) * np.float32(high - low)
        if self.stddev[1] == 0:
            draws.shared_key()
            return images
        return add_noise(images, draws, stddev, low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"stddev": list(self.stddev)}

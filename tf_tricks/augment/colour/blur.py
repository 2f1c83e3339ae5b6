"""Blur: images blurred with a Gaussian of random width."""

from typing import Any

import keras

from tf_tricks.annotations import Pair
from tf_tricks.augment.arguments import check_range
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.functional.filters import blur
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "blur")
@keras.saving.register_keras_serializable("tf_tricks")
class Blur(Augmentation):
    """Blurs images with a Gaussian of random width.

    Each image is convolved with a kernel in proportion to exp(−(x² + y²) / 2σ²), cut off at `kernel_size` and scaled to
    a sum of 1; σ is drawn for each example, uniform in the given range. Outside of its border an image is mirrored. It
    is one of the transforms of contrastive learning (Chen et al. 2020, arXiv:2002.05709, with σ in [0.1, 2.0] for
    images of 224 pixels).

    Use it when the network will see images that are out of focus, or of lower resolution.

    Avoid it when images are small: of 32 pixels, σ = 2 leaves little; or what counts is fine texture.

    Config:
        config.augment = dict(name="blur", sigma=1.0, kernel_size=7)

    Args:
        sigma: the largest σ in pixels, for σ in [0, sigma]; or a pair (low, high), from 0.
        kernel_size: height and width of the kernel in pixels, an odd number; twice the largest σ on each side, and 1,
            hold 95 % of the Gaussian.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: a number is out of its range, or the images are smaller than half the kernel.

    Example:
        >>> import numpy as np
        >>> images = np.zeros((1, 9, 9, 1), "uint8")
        >>> images[0, 4, 4] = 255
        >>> blurred = np.asarray(Blur(sigma=(1, 1))(images, seed=0, positions=np.arange(1)))
        >>> blurred[0, 4, :, 0].tolist()
        [0, 0, 5, 25, 41, 25, 5, 0, 0]
    """

    uses_value_range = True

    def __init__(self, sigma: float | Pair = (0.1, 2.0), kernel_size: int = 9, **keywords):
        super().__init__(**keywords)
        if isinstance(sigma, (tuple, list)):
            self.sigma = check_range("sigma", sigma, minimum=0)
        else:
            self.sigma = 0.0, float(check_number("sigma", sigma, minimum=0))
        self.kernel_size = int(check_number("kernel_size", kernel_size, minimum=1, integer=True))
        if self.kernel_size % 2 == 0:
            raise RequestError(f"kernel_size must be an odd number, not {kernel_size}")

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with blurred images."""
        images, sigma = batch.images, draws.uniform(*self.sigma)
        return batch._replace(images=blur(images, sigma, *self.range_of(images), self.kernel_size))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"sigma": list(self.sigma), "kernel_size": self.kernel_size}

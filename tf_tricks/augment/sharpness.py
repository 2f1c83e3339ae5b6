"""Sharpness: images blurred a little, or sharpened."""

import keras
import numpy as np
from keras import ops

from tf_tricks.augment.augmentation import like, to_float
from tf_tricks.augment.blend import factor_range, is_uint8
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.fused import fused


def sharpness(images, factor, low, high):
    """Returns images blended with what a small kernel smooths them to: s + factor · (x − s), clipped to [low, high].

    The kernel is [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13. The pixels at the border stay as they are.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high]; any number of channels.
        factor: float32 [b], from 0; 0 is smoothed, 1 changes nothing, more sharpens.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((1, 3, 3, 1), "uint8")
        >>> image[0, 1, 1] = 130
        >>> np.asarray(sharpness(image, np.array([0.0], "float32"), 0, 255))[0, 1, 1].tolist()
        [50]
    """
    _, height, width, channels = images.shape
    if min(height, width) < 3:  # all pixels are border
        return images
    # Rows as they lie in memory, pixel by pixel, so that a CPU reads them in one go.
    rows = ops.reshape(images, (-1, height, width * channels))
    padded = _wider(ops.pad(rows, [(0, 0), (1, 1), (channels, channels)]))
    rows = _wider(rows)
    square = sum(
        padded[:, down : down + height, right * channels : (right + width) * channels]
        for down in range(3)
        for right in range(3)
    )
    inside = np.zeros((height, width, channels), bool)
    inside[1:-1, 1:-1] = True
    change = ops.where(inside.reshape(height, -1), to_float(square - 9 * rows) / 13, 0)
    rows = to_float(rows)
    weight = ops.reshape(1 - ops.cast(factor, rows.dtype), (-1, 1, 1))
    return ops.reshape(like(ops.clip(rows + weight * change, low, high), images), (-1, height, width, channels))


def _wider(rows):
    return ops.cast(rows, "int16") if is_uint8(rows) else rows  # the sums are at most 9 · 255


@keras.saving.register_keras_serializable("tf_tricks")
class Sharpness(ColorAugmentation):
    """Blurs images a little, or sharpens them, by a random factor.

    Each value x of an image becomes s + f · (x − s), clipped to the range of values, where s is the image smoothed with
    the kernel [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13; f is drawn for each example, uniform in the given range. This is
    `ImageEnhance.Sharpness` of Pillow, and one of AutoAugment's transforms (Cubuk et al. 2018, arXiv:1805.09501).
    Pixels at the border stay as they are.

    Use it when images come from lenses and codecs of different quality.

    Avoid it when what counts is fine texture.

    Config:
        config.augment = dict(name="sharpness", sharpness=0.9)

    Args:
        sharpness: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((1, 3, 3, 1), "uint8")
        >>> image[0, 1, 1] = 130
        >>> layer = Sharpness(sharpness=(2, 2))
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1)))[0, 1, 1].tolist()
        [210]
    """

    def __init__(self, sharpness=0.9, **keywords):
        super().__init__(**keywords)
        self.sharpness = factor_range("sharpness", sharpness)

    def change_colors(self, images, draws, low, high):
        """Returns smoother and sharper images."""
        return fused(sharpness, images, draws.uniform(*self.sharpness), low, high)

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"sharpness": list(self.sharpness)}

"""Saturation: images made paler or more colorful."""

import keras

from tf_tricks.augment.augmentation import to_float
from tf_tricks.augment.blend import blend, check_channels, factor_range, gray
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.fused import fused


def saturation(images, factor, low, high):
    """Returns images blended with their gray image: g + factor · (x − g), clipped to [low, high].

    Args:
        images: uint8 or floats [b, h, w, 3] in [low, high]; with one channel they are gray, and stay as they are.
        factor: float32 [b], from 0; 0 is gray, 1 changes nothing.
        low: the smallest value.
        high: the largest value.

    Raises:
        RequestError: the images have another number of channels.

    Example:
        >>> import numpy as np
        >>> image, factor = np.array([[[[200, 100, 0]]]], "uint8"), np.array([0.5], "float32")
        >>> np.asarray(saturation(image, factor, 0, 255)).ravel().tolist()
        [159, 109, 59]
    """
    if check_channels("saturation", images, (1, 3)) == 1:
        return images
    return blend(images, gray(to_float(images)), factor, low, high)


@keras.saving.register_keras_serializable("tf_tricks")
class Saturation(ColorAugmentation):
    """Makes images paler or more colorful by a random factor.

    Each value x of a pixel becomes g + f · (x − g), clipped to the range of values, where g = 0.299 red + 0.587 green +
    0.114 blue is the gray of the pixel; f is drawn for each example, uniform in the given range. This is
    `ImageEnhance.Color` of Pillow, and a part of color jitter (Howard 2013, arXiv:1312.5402). Images without
    color stay as they are.

    Use it when the same things come in paler and stronger colors, as in photographs; 0.4 is the usual value on
    ImageNet.

    Avoid it when images are gray, or color tells the classes apart.

    Config:
        config.augment = dict(name="saturation", saturation=0.4)

    Args:
        saturation: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range, or the images have more than 4 channels.

    Example:
        >>> import numpy as np
        >>> layer = Saturation(saturation=(0, 0))
        >>> image = np.array([[[[200, 100, 0]]]], "uint8")
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [118, 118, 118]
    """

    channels = (1, 2, 3, 4)

    def __init__(self, saturation=0.4, **keywords):
        super().__init__(**keywords)
        self.saturation = factor_range("saturation", saturation)

    def change_colors(self, images, draws, low, high):
        """Returns paler and more colorful images."""
        return fused(saturation, images, draws.uniform(*self.saturation), low, high)

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"saturation": list(self.saturation)}

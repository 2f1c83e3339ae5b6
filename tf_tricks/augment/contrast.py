"""Contrast: images moved towards, or away from, their mean."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import to_float
from tf_tricks.augment.blend import blend, blend_levels, factor_range, gray, is_uint8
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.fused import fused


def contrast(images, factor, low, high):
    """Returns images blended with a gray: m + factor · (x − m), clipped to [low, high].

    m is the mean of the gray image; of images that have not 3 channels, the mean of all values. It is not rounded to
    an integer, as Pillow does.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high].
        factor: float32 [b], from 0; 0 is gray, 1 changes nothing.
        low: the smallest value.
        high: the largest value.

    Example:
        >>> import numpy as np
        >>> image, factor = np.array([[[[100], [200]]]], "uint8"), np.array([0.5], "float32")
        >>> np.asarray(contrast(image, factor, 0, 255)).ravel().tolist()
        [125, 175]
    """
    mean = _mean_of_gray(images)
    if is_uint8(images):
        return blend_levels(images, mean, factor)
    return blend(images, ops.cast(mean, to_float(images).dtype), factor, low, high)


def _mean_of_gray(images):
    """Returns the mean of each gray image, float32 [b, 1, 1, 1]."""
    _, height, width, channels = images.shape
    # The mean of the gray is the gray of the mean. A float16 cannot hold the sum of an image. To lay up to 16 parts of
    # an image on top of each other first is much faster on a CPU.
    parts = max(n for n in range(1, 17) if height % n == 0) if is_uint8(images) else 1
    stacked = ops.reshape(images, (-1, parts, height // parts * width, channels))
    dtype = "int32" if is_uint8(images) else "float32"
    summed = sum(ops.cast(stacked[:, n], dtype) for n in range(parts))
    means = ops.cast(ops.sum(summed, axis=1), "float32")[:, None, None] / (height * width)
    return gray(means) if channels == 3 else ops.mean(means, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable("tf_tricks")
class Contrast(ColorAugmentation):
    """Lowers or raises the contrast of images by a random factor.

    Each value x of an image becomes m + f · (x − m), clipped to the range of values, where m is the mean of the gray
    image (0.299 red + 0.587 green + 0.114 blue); f is drawn for each example, uniform in the given range. This is
    `ImageEnhance.Contrast` of Pillow, which however rounds m, and a part of color jitter (Howard 2013,
    arXiv:1312.5402).

    Use it when photographs come from different cameras and lights; 0.4 is the usual value on ImageNet.

    Avoid it when contrast is what tells the classes apart, or is normalized anyway.

    Config:
        config.augment = dict(name="contrast", contrast=0.4)

    Args:
        contrast: d, for factors in [max(0, 1 − d), 1 + d]; or a pair of factors (low, high), from 0.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the factors are out of their range.

    Example:
        >>> import numpy as np
        >>> layer = Contrast(contrast=(0.5, 0.5))
        >>> image = np.array([[[[100], [200]]]], "uint8")
        >>> np.asarray(layer(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [125, 175]
    """

    def __init__(self, contrast=0.4, **keywords):
        super().__init__(**keywords)
        self.contrast = factor_range("contrast", contrast)

    def change_colors(self, images, draws, low, high):
        """Returns images of lower and higher contrast."""
        return fused(contrast, images, draws.uniform(*self.contrast), low, high)

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"contrast": list(self.contrast)}

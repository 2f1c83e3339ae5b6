"""Grayscale: images without color."""

import keras
from keras import ops

from tf_tricks.augment.augmentation import like, per_example, to_float
from tf_tricks.augment.blend import check_channels, gray_of, is_uint8
from tf_tricks.augment.color import ColorAugmentation
from tf_tricks.augment.per_pixel import per_pixel
from tf_tricks.errors import check_number


def grayscale(images, chosen=None):
    """Returns images whose 3 channels all have 0.299 red + 0.587 green + 0.114 blue.

    Args:
        images: integers or floats [b, h, w, 3]; with one channel they are gray, and stay as they are.
        chosen: bool [b], which examples to change, or None for all.

    Raises:
        RequestError: the images have another number of channels.

    Example:
        >>> import numpy as np
        >>> np.asarray(grayscale(np.array([[[[200, 100, 20]]]], "uint8"))).ravel().tolist()
        [121, 121, 121]
    """
    if check_channels("grayscale", images, (1, 3)) == 1:
        return images
    chosen = ops.ones(ops.shape(images)[:1], "bool") if chosen is None else chosen
    return per_pixel(_grayed, images, chosen)


def _grayed(red, green, blue, chosen):
    """Returns the three channels, gray where an example is `chosen` (bool [b])."""
    channels = red, green, blue
    if is_uint8(red):
        shade = ops.cast(gray_of(*(ops.cast(channel, "int32") for channel in channels)), "uint8")
    else:
        shade = like(gray_of(*map(to_float, channels)), red)
    return [ops.where(per_example(chosen, red), shade, channel) for channel in channels]


@keras.saving.register_keras_serializable("tf_tricks")
class Grayscale(ColorAugmentation):
    """Takes the color out of some images.

    Each channel of a chosen example becomes 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601, as in Pillow). Images
    without color stay as they are. In contrastive learning, the probability is 0.2 (Chen et al. 2020,
    arXiv:2002.05709).

    Use it when form should count for more than color, or some of the images that the network will see are gray.

    Avoid it when color tells the classes apart.

    Config:
        config.augment = dict(name="grayscale", probability=0.2)

    Args:
        probability: of an example's losing its color, in [0, 1].
        **keywords: arguments of `Augmentation`: `seed`, `name`, …

    Raises:
        RequestError: the probability is out of its range, or the images have more than 4 channels.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[200, 100, 20]]]], "uint8")
        >>> np.asarray(Grayscale(probability=1.0)(image, seed=0, positions=np.arange(1))).ravel().tolist()
        [121, 121, 121]
    """

    uses_value_range = False
    channels = (1, 2, 3, 4)

    def __init__(self, probability=0.5, **keywords):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def change_colors(self, images, draws, low, high):
        """Returns the images, some of them gray."""
        return grayscale(images, draws.happens(self.probability))

    def get_config(self):
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probability": self.probability}

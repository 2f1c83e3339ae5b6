"""What augmentations of colors have in common: they change the colors of images, and alpha stays as it is.

Images of 4 channels are red, green, blue and alpha, those of 2 channels gray and alpha, as in Pillow.
"""

from keras import ops

from tf_tricks.augment.augmentation import Augmentation
from tf_tricks.augment.blend import check_channels


class ColorAugmentation(Augmentation):
    """Base class of augmentations that change colors and move nothing: alpha, labels and masks stay."""

    uses_value_range = True

    channels = None
    """The numbers of channels, alpha among them, of images that this takes; None for any."""

    def check_images(self, images):
        """Raises a `RequestError` if this cannot take these images."""
        super().check_images(images)
        if self.channels is not None:
            check_channels(type(self).__name__, images, self.channels)

    def transform(self, batch, draws):
        """Returns the batch with images of other colors."""
        value_range = self.range_of(batch.images)
        images = on_colors(lambda colors: self.change_colors(colors, draws, *value_range), batch.images)
        return batch._replace(images=images)

    def change_colors(self, images, draws, low, high):
        """Returns the images changed, in their dtype.

        Args:
            images: uint8 or floats [b, height, width, channels] in [low, high], without alpha.
            draws: `Draws`.
            low: the smallest value, a float.
            high: the largest value.
        """
        raise NotImplementedError


def on_colors(function, images):
    """Returns the images with `function` applied to all channels but alpha.

    Args:
        function: takes and returns images [b, height, width, channels] of one dtype.
        images: [b, height, width, channels]; of 2 and 4 channels the last one is alpha.

    Example:
        >>> import numpy as np
        >>> image = np.array([[[[10, 20, 30, 40]]]], "uint8")
        >>> np.asarray(on_colors(lambda colors: 255 - colors, image)).ravel().tolist()
        [245, 235, 225, 40]
    """
    if images.shape[-1] not in (2, 4):
        return function(images)
    return ops.concatenate([function(images[..., :-1]), images[..., -1:]], axis=-1)

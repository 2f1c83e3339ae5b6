"""Hue: all colors of an image turned on the color wheel."""

from typing import Any

import keras

from tf_tricks.annotations import Pair, Tensor
from tf_tricks.augment.arguments import check_range
from tf_tricks.augment.augmentation import ColorAugmentation
from tf_tricks.augment.functional.colour import hue
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "hue")
@keras.saving.register_keras_serializable("tf_tricks")
class Hue(ColorAugmentation):
    """Turns all colors of an image by a random angle on the color wheel.

    In terms of hue, saturation and value, with the hue h in turns: h becomes h + s, the others stay; s is drawn for
    each example, uniform in the given range. This is `tf.image.adjust_hue`, and a part of color jitter (Howard 2013,
    arXiv:1312.5402). Grays stay as they are.

    Use it when lamps and cameras color the images differently; 0.1 is the usual value in contrastive learning (Chen et
    al. 2020, arXiv:2002.05709), and less does for most labelled data.

    Avoid it when images are gray, or hue tells the classes apart, as of flowers and birds.

    Config:
        config.augment = dict(name="hue", hue=0.1)

    Args:
        hue: d, for shifts in [−d, d], in turns, at most 0.5; or a pair of shifts (low, high), from −0.5 to 0.5.
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: the shifts are out of their range, or the images have neither 3 channels nor 4, with alpha.

    Example:
        >>> import numpy as np
        >>> layer = Hue(hue=(1 / 3, 1 / 3))
        >>> red = np.array([[[[200, 100, 100]]]], "uint8")
        >>> np.asarray(layer(red, seed=0, positions=np.arange(1))).ravel().tolist()
        [100, 200, 100]
    """

    channels = (3, 4)

    def __init__(self, hue: float | Pair = 0.1, **keywords):
        super().__init__(**keywords)
        if isinstance(hue, (tuple, list)):
            self.hue = check_range("hue", hue, minimum=-0.5, maximum=0.5)
        else:
            most = float(check_number("hue", hue, minimum=0, maximum=0.5))
            self.hue = -most, most

    def change_colors(self, images: Tensor, draws: Draws, low: float, high: float) -> Tensor:
        """Returns images of other hues."""
        return hue(images, draws.uniform(*self.hue), low, high)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"hue": list(self.hue)}

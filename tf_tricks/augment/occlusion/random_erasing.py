"""Random erasing: one rectangle of each image is painted over."""

import math
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Pair
from tf_tricks.augment.arguments import check_fill, check_range
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.functional import elementary
from tf_tricks.augment.functional.rectangles import erase
from tf_tricks.augment.occlusion.filling import filling
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "random_erasing")
@keras.saving.register_keras_serializable("tf_tricks")
class RandomErasing(Augmentation):
    """Paints over a rectangle of random size and shape, somewhere inside the image.

    The network cannot rely on any one part of an object, as where things are hidden behind others (Zhong et al. 2017,
    arXiv:1708.04896, algorithm 1). The rectangle of area s · height · width and height/width r,

        height_e = √(s · r · height · width),  width_e = √(s / r · height · width),

    s uniform in `scale` and log r uniform in [log ratio₀, log ratio₁], is rounded to whole pixels, from 1 to the
    image's size, and put at a place that is uniform among those inside the image. (The paper draws r uniformly, so that
    most rectangles are taller than wide, and again until one fits; here one that does not fit is clipped to the image's
    size.) Labels and masks stay as they are: what is erased in the image is still there in the mask.

    Use it when objects can be hidden, as in person re-identification and detection, or as a part of a strong policy
    for classification: the paper's probability is 0.5, and DeiT's 0.25 with `fill_value="noise"`.

    Avoid it when small details decide the class, or training is so short that the network underfits.

    Config:
        config.augment = dict(name="random_erasing", probability=0.5, scale=(0.02, 0.33))

    Args:
        probability: that an image is changed, from 0 to 1.
        scale: pair, the smallest and the largest part of the image's area, from 0 to 1.
        ratio: pair, the smallest and the largest height/width of the rectangle, above 0.
        fill_value: a number in the images' unit, or `"noise"`: for each pixel and channel another, uniform in the
            images' range (`value_range` for floats).
        **keywords: arguments of `Augmentation`: `value_range`, `seed`, `name`, …

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import numpy as np
        >>> layer = RandomErasing(probability=1.0, scale=(0.25, 0.25), ratio=(1, 1))
        >>> images = layer(np.full((5, 8, 8, 3), 9, "uint8"), seed=0, positions=np.arange(5))
        >>> (np.asarray(images) == 0).mean(axis=(1, 2, 3)).tolist()
        [0.25, 0.25, 0.25, 0.25, 0.25]
    """

    def __init__(
        self,
        probability: float = 0.5,
        scale: Pair = (0.02, 0.33),
        ratio: Pair = (0.3, 3.3),
        fill_value: float | str = 0.0,
        **keywords,
    ):
        super().__init__(**keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))
        self.scale = check_range("scale", scale, minimum=0, maximum=1)
        self.ratio = check_range("ratio", ratio)
        check_number("ratio", self.ratio[0], above=0)
        self.fill_value = check_fill(fill_value)

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with a rectangle of each image painted over."""
        images = batch.images
        sides = images.shape[1:3]
        erased = draws.happens(self.probability)
        area = draws.uniform(*self.scale) * float(sides[0] * sides[1])
        ratio = elementary.exp(draws.uniform(*(math.log(bound) for bound in self.ratio)))
        places = draws.uniform(), draws.uniform()
        sizes, starts = [], []
        for side, place, squared in zip(sides, places, (area * ratio, area / ratio)):
            size = ops.clip(ops.round(ops.sqrt(squared)), 1.0, float(side))
            starts.append(ops.cast(ops.floor(place * (side - size + 1.0)), "int32"))
            sizes.append(ops.where(erased, ops.cast(size, "int32"), 0))
        fill = filling(self.fill_value, images, draws, *self.range_of(images))
        return batch._replace(images=erase(images, *starts, *sizes, fill))  # type: ignore[call-arg]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        own = {"probability": self.probability, "scale": list(self.scale), "ratio": list(self.ratio)}
        return super().get_config() | own | {"fill_value": self.fill_value}

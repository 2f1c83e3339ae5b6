"""TrivialAugment."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies.operations import TRIVIAL_AUGMENT, Choice
from tf_tricks.augment.policies.policy import Policy
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "trivial_augment")
@keras.saving.register_keras_serializable("tf_tricks")
class TrivialAugment(Policy):
    """Applies one random operation of random magnitude to each image, and has nothing to tune.

    TrivialAugment (Müller & Hutter 2021, arXiv:2103.10158), the wide space. For each image one of 14 operations is
    drawn, all equally likely, a sign for those that have one, and k uniform in 0, …, num_magnitude_bins − 1. With
    m = k / (num_magnitude_bins − 1) they are:

        identity, autocontrast, equalize           no magnitude
        shear_x, shear_y                           slope ± 0.99 m
        translate_x, translate_y                   ± 32 m pixels, an integer, whatever the image's size
        rotate                                     ± 135° m
        brightness, color, contrast, sharpness     factor 1 ± 0.99 m
        posterize                                  8 − round(6 m) bits are kept
        solarize                                   inverts what is at least 256 (1 − m), for uint8

    These are torchvision's ranges and bins; unlike there, moved pixels are interpolated bilinearly, and each image of a
    batch has an operation of its own. Masks follow the geometric operations.

    Use it when a policy is wanted without a search: in the paper it is as good as those with two numbers or learned
    ones, after `standard` on CIFAR (with cutout 16) and after a random resized crop and flip on ImageNet.

    Avoid it when strong distortions are out of place: rotations go up to 135° and 32-pixel images can be moved out of
    sight. `rand_augment` has a magnitude, and both take `operations`.

    Config:
        config.augment = dict(name="trivial_augment")

    Args:
        num_magnitude_bins: how many magnitudes there are; an integer from 2, at most 65536.
        operations: a list of names of operations; None for all 14.
        **keywords: `fill_value`, in the images' unit, `mask_fill_value`, `value_range`, of images that are floats,
            `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: a number is out of its range, or there is no such operation.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import TrivialAugment
        >>> images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("uint8")
        >>> augmented = TrivialAugment()(images, seed=0, positions=np.arange(4))
        >>> np.asarray(augmented).shape, np.asarray(augmented).dtype
        ((4, 32, 32, 3), dtype('uint8'))
    """

    space = TRIVIAL_AUGMENT

    def __init__(self, num_magnitude_bins: int = 31, operations: Sequence[str] | None = None, **keywords):
        super().__init__(operations, **keywords)
        bins = check_number("num_magnitude_bins", num_magnitude_bins, minimum=2, maximum=2**16, integer=True)
        self.num_magnitude_bins = int(bins)

    def apply(self, batch: Batch, draws: Draws, value_range: tuple[float, float]) -> Batch:
        """Returns the batch after one operation."""
        number, sign = draws.integers(0, len(self.operations)), draws.sign()
        # Multiplied by the reciprocal, which graphs do with a division by a constant and eager mode does not.
        step = np.float32(1 / (self.num_magnitude_bins - 1))
        magnitude = ops.cast(draws.integers(0, self.num_magnitude_bins), "float32") * step
        return self.operate(batch, Choice(number, sign, magnitude), self.operations, value_range)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"num_magnitude_bins": self.num_magnitude_bins}

"""RandAugment."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies.operations import RAND_AUGMENT, Choice
from tf_tricks.augment.policies.policy import Policy
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "rand_augment")
@keras.saving.register_keras_serializable("tf_tricks")
class RandAugment(Policy):
    """Applies a few random operations of one magnitude to each image: geometry, color, contrast and more.

    RandAugment (Cubuk et al. 2019, arXiv:1909.13719) replaces AutoAugment's learned policy by two numbers. For each
    image, `num_layers` times, one of 14 operations is drawn, all equally likely, and a sign for those that have one.
    With m = magnitude / (num_magnitude_bins − 1) they are:

        identity, autocontrast, equalize           no magnitude
        shear_x, shear_y                           slope ± 0.3 m
        translate_x, translate_y                   ± 150/331 m of the width or height, in whole pixels
        rotate                                     ± 30° m
        brightness, color, contrast, sharpness     factor 1 ± 0.9 m
        posterize                                  8 − round(4 m) bits are kept
        solarize                                   inverts what is at least 256 (1 − m), for uint8

    These are torchvision's ranges and bins: with 31 bins magnitude 9 is m = 0.3, and of the paper's code, which counts
    from 0 to 10, it is 0.9. The paper's magnitude M is `magnitude=M, num_magnitude_bins=11`. Unlike there, moved pixels
    are interpolated bilinearly, each image of a batch has operations of its own; integers are rounded after each, as
    there. The paper's code fills with gray, `fill_value=128`; here, as in torchvision, 0 is the default. Masks follow
    the geometric operations.

    Use it when a large network overfits with `standard`: the paper gains as much as learned policies do. Raise the
    magnitude with the network's size and the length of training: 9 for ResNet-50 on ImageNet, up to 28 for
    EfficientNet-B7, both with 2 layers; for CIFAR after `standard`, with cutout last.

    Avoid it when training is short or the network is small, so that it underfits, or where colors or a mirror image,
    an angle or a size are the answer: name the `operations` that leave the answer as it is.

    Config:
        config.augment = dict(name="rand_augment", num_layers=2, magnitude=9)

    Args:
        num_layers: how many operations one after the other; an integer from 1.
        magnitude: from 0 to num_magnitude_bins − 1.
        num_magnitude_bins: what the magnitude is counted in; an integer from 2. The paper's ImageNet code has 11.
        operations: a list of names of operations; None for all 14.
        **keywords: `fill_value`, in the images' unit, `mask_fill_value`, `value_range`, of images that are floats,
            `seed`, and arguments of `keras.layers.Layer`.

    Raises:
        RequestError: a number is out of its range, or there is no such operation.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import RandAugment
        >>> images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("uint8")
        >>> augmented = RandAugment(magnitude=15)(images, seed=0, positions=np.arange(4))
        >>> np.asarray(augmented).shape, np.asarray(augmented).dtype
        ((4, 32, 32, 3), dtype('uint8'))
    """

    space = RAND_AUGMENT

    def __init__(
        self,
        num_layers: int = 2,
        magnitude: float = 9,
        num_magnitude_bins: int = 31,
        operations: Sequence[str] | None = None,
        **keywords,
    ):
        super().__init__(operations, **keywords)
        self.num_layers = int(check_number("num_layers", num_layers, minimum=1, integer=True))
        bins = int(check_number("num_magnitude_bins", num_magnitude_bins, minimum=2, integer=True))
        self.num_magnitude_bins = bins
        self.magnitude = check_number("magnitude", magnitude, minimum=0, maximum=bins - 1)

    def apply(self, batch: Batch, draws: Draws, value_range: tuple[float, float]) -> Batch:
        """Returns the batch after all layers."""
        for _ in range(self.num_layers):
            number, sign = draws.integers(0, len(self.operations)), draws.sign()
            magnitude = ops.full_like(sign, self.magnitude / (self.num_magnitude_bins - 1))
            batch = self.operate(batch, Choice(number, sign, magnitude), self.operations, value_range)
        return batch

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        own = {"num_layers": self.num_layers, "magnitude": self.magnitude}
        return super().get_config() | own | {"num_magnitude_bins": self.num_magnitude_bins}

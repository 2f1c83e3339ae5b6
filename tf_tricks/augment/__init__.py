"""Augmentations, by name: layers that change images, pure functions of (images, labels) and of (seed, position).

The trainer takes any function (images, labels, seed=, positions=) -> (images, labels).
"""

from typing import Any

from tf_tricks import registry
from tf_tricks.annotations import Augment, Named
from tf_tricks.augment import functional
from tf_tricks.augment.augmentation import Augmentation, Batch, ColorAugmentation, GeometricAugmentation
from tf_tricks.augment.colour.autocontrast import AutoContrast
from tf_tricks.augment.colour.blur import Blur
from tf_tricks.augment.colour.brightness import Brightness
from tf_tricks.augment.colour.contrast import Contrast
from tf_tricks.augment.colour.equalize import Equalize
from tf_tricks.augment.colour.gaussian_noise import GaussianNoise
from tf_tricks.augment.colour.grayscale import Grayscale
from tf_tricks.augment.colour.hue import Hue
from tf_tricks.augment.colour.invert import Invert
from tf_tricks.augment.colour.posterize import Posterize
from tf_tricks.augment.colour.saturation import Saturation
from tf_tricks.augment.colour.sharpness import Sharpness
from tf_tricks.augment.colour.solarize import Solarize
from tf_tricks.augment.geometry.flip import Flip
from tf_tricks.augment.geometry.pad_and_crop import PadAndCrop
from tf_tricks.augment.geometry.random_resized_crop import RandomResizedCrop
from tf_tricks.augment.geometry.rotation import Rotation
from tf_tricks.augment.geometry.shear import Shear
from tf_tricks.augment.geometry.translation import Translation
from tf_tricks.augment.geometry.zoom import Zoom
from tf_tricks.augment.mixing.cutmix import CutMix
from tf_tricks.augment.mixing.mixup import Mixup
from tf_tricks.augment.mixing.mixup_or_cutmix import MixupOrCutMix
from tf_tricks.augment.occlusion.cutout import Cutout
from tf_tricks.augment.occlusion.random_erasing import RandomErasing
from tf_tricks.augment.policies.apply import Apply
from tf_tricks.augment.policies.aug_mix import AugMix
from tf_tricks.augment.policies.one_of import OneOf
from tf_tricks.augment.policies.rand_augment import RandAugment
from tf_tricks.augment.policies.sequence import Sequence
from tf_tricks.augment.policies.standard import Standard
from tf_tricks.augment.policies.trivial_augment import TrivialAugment
from tf_tricks.augment.randomness import threefry as random
from tf_tricks.errors import RequestError
from tf_tricks.named_parts import NamedParts

registry.discover(__name__)

TRICKS = registry.tricks("augment")
"""The augmentations, by name."""

_REGISTRY = NamedParts("augment")


def get(identifier: Named | Augment | list[Any] | tuple[Any, ...] | None, **defaults) -> Any:
    """Returns the augmentation that `identifier` stands for.

    Args:
        identifier: a name, a dict `{"name": "standard", "pad": 4}`, an augmentation, None for none, or a list of them,
            which are applied one after the other. Those that hold others take them likewise:
            `{"name": "sequence", "augmentations": ["standard", ...]}`.
        **defaults: what the run knows (`num_classes`, `num_examples`, `total_epochs`): handed to the augmentation where
            it takes them and the dict does not give them.

    Raises:
        RequestError: the name or an argument is unknown or unusable.

    Example:
        >>> from tf_tricks import augment
        >>> augment.get({"name": "standard", "pad": 2}).pad
        2
    """
    if isinstance(identifier, (list, tuple)):
        identifier = {"name": "sequence", "augmentations": identifier}
    augmentation = _REGISTRY.get(identifier, **defaults)
    if augmentation is not None and not callable(augmentation):
        raise RequestError(f"an augmentation must be a name, a dict with 'name', or a function, not {identifier!r}")
    return augmentation


__all__ = [
    "TRICKS",
    "Apply",
    "AugMix",
    "Augmentation",
    "AutoContrast",
    "Batch",
    "Blur",
    "Brightness",
    "ColorAugmentation",
    "Contrast",
    "CutMix",
    "Cutout",
    "Equalize",
    "Flip",
    "GaussianNoise",
    "GeometricAugmentation",
    "Grayscale",
    "Hue",
    "Invert",
    "Mixup",
    "MixupOrCutMix",
    "OneOf",
    "PadAndCrop",
    "Posterize",
    "RandAugment",
    "RandomErasing",
    "RandomResizedCrop",
    "Rotation",
    "Saturation",
    "Sequence",
    "Sharpness",
    "Shear",
    "Solarize",
    "Standard",
    "Translation",
    "TrivialAugment",
    "Zoom",
    "functional",
    "get",
    "random",
]

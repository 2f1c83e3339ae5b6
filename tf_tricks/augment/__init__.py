"""Augmentations, by name: layers that change images, pure functions of (images, labels) and of (seed, position).

The trainer takes any function (images, labels, seed=, positions=) -> (images, labels).
"""

from tf_tricks.augment import random
from tf_tricks.augment.apply import Apply
from tf_tricks.augment.aug_mix import AugMix
from tf_tricks.augment.augmentation import Augmentation, Batch, GeometricAugmentation
from tf_tricks.augment.autocontrast import AutoContrast
from tf_tricks.augment.blur import Blur
from tf_tricks.augment.brightness import Brightness
from tf_tricks.augment.contrast import Contrast
from tf_tricks.augment.cutmix import CutMix
from tf_tricks.augment.cutout import Cutout
from tf_tricks.augment.equalize import Equalize
from tf_tricks.augment.flip import Flip
from tf_tricks.augment.gaussian_noise import GaussianNoise
from tf_tricks.augment.grayscale import Grayscale
from tf_tricks.augment.hue import Hue
from tf_tricks.augment.invert import Invert
from tf_tricks.augment.mix import MixupOrCutMix
from tf_tricks.augment.mixup import Mixup
from tf_tricks.augment.one_of import OneOf
from tf_tricks.augment.pad_and_crop import PadAndCrop
from tf_tricks.augment.posterize import Posterize
from tf_tricks.augment.rand_augment import RandAugment
from tf_tricks.augment.random_erasing import RandomErasing
from tf_tricks.augment.random_resized_crop import RandomResizedCrop
from tf_tricks.augment.rotation import Rotation
from tf_tricks.augment.saturation import Saturation
from tf_tricks.augment.sequence import Sequence
from tf_tricks.augment.sharpness import Sharpness
from tf_tricks.augment.shear import Shear
from tf_tricks.augment.solarize import Solarize
from tf_tricks.augment.standard import Standard
from tf_tricks.augment.translation import Translation
from tf_tricks.augment.trivial_augment import TrivialAugment
from tf_tricks.augment.zoom import Zoom
from tf_tricks.errors import RequestError
from tf_tricks.registry import Registry

TRICKS = {
    "standard": Standard,
    "flip": Flip,
    "translation": Translation,
    "rotation": Rotation,
    "zoom": Zoom,
    "shear": Shear,
    "pad_and_crop": PadAndCrop,
    "random_resized_crop": RandomResizedCrop,
    "gaussian_noise": GaussianNoise,
    "cutout": Cutout,
    "random_erasing": RandomErasing,
    "mixup": Mixup,
    "cutmix": CutMix,
    "mixup_or_cutmix": MixupOrCutMix,
    "brightness": Brightness,
    "contrast": Contrast,
    "saturation": Saturation,
    "hue": Hue,
    "sharpness": Sharpness,
    "blur": Blur,
    "solarize": Solarize,
    "posterize": Posterize,
    "equalize": Equalize,
    "autocontrast": AutoContrast,
    "invert": Invert,
    "grayscale": Grayscale,
    "rand_augment": RandAugment,
    "trivial_augment": TrivialAugment,
    "aug_mix": AugMix,
    "sequence": Sequence,
    "apply": Apply,
    "one_of": OneOf,
}
"""The augmentations, by name."""

_REGISTRY = Registry("augmentation", TRICKS)


def get(identifier, **defaults):
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
    if hasattr(identifier, "keys"):
        identifier = _with_inner(dict(identifier.items()), defaults)
    augmentation = _REGISTRY.get(identifier, **defaults)
    if augmentation is not None and not callable(augmentation):
        raise RequestError(f"an augmentation must be a name, a dict with 'name', or a function, not {identifier!r}")
    return augmentation


def _with_inner(arguments, defaults):
    """Makes the augmentations that `arguments` hold; a `value_range` goes on to those that name none."""
    value_range = {key: value for key, value in arguments.items() if key == "value_range"}

    def made(inner):
        inner = {"name": inner} if isinstance(inner, str) else inner
        return get(value_range | dict(inner.items()) if hasattr(inner, "keys") else inner, **defaults)

    if "augmentation" in arguments:
        arguments["augmentation"] = made(arguments["augmentation"])
    if isinstance(arguments.get("augmentations"), (list, tuple)):
        arguments["augmentations"] = [made(inner) for inner in arguments["augmentations"]]
    return arguments


__all__ = [
    "TRICKS",
    "Apply",
    "AugMix",
    "Augmentation",
    "AutoContrast",
    "Batch",
    "Blur",
    "Brightness",
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
    "get",
    "random",
]

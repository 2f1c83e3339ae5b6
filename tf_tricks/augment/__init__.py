"""Augmentations: functions (images, labels, seed, positions) -> (images, labels), pure in (seed, position)."""

from tf_tricks.augment import random
from tf_tricks.augment.standard import Standard
from tf_tricks.errors import RequestError
from tf_tricks.registry import Registry

TRICKS = {"standard": Standard}
"""The augmentations, by name."""

_REGISTRY = Registry("augmentation", TRICKS)


def get(identifier):
    """Returns the augmentation that `identifier` stands for.

    Args:
        identifier: a name, a dict `{"name": "standard", "pad": 4}`, an augmentation, or None for none.

    Raises:
        RequestError: the name or an argument is unknown or unusable.

    Example:
        >>> from tf_tricks import augment
        >>> augment.get({"name": "standard", "pad": 2}).get_config()
        {'flip': True, 'pad': 2}
    """
    augmentation = _REGISTRY.get(identifier)
    if augmentation is not None and not callable(augmentation):
        raise RequestError(f"an augmentation must be a name, a dict with 'name', or a function, not {identifier!r}")
    return augmentation


__all__ = ["TRICKS", "Standard", "get", "random"]

"""Losses, by name: cross-entropy of integers and of distributions, Keras's own, and the penalty on weights."""

import keras

from tf_tricks.errors import RequestError
from tf_tricks.losses.cross_entropy import SparseCategoricalCrossentropy
from tf_tricks.losses.l2 import l2
from tf_tricks.registry import Registry, classes_by_name

__all__ = ["TRICKS", "SparseCategoricalCrossentropy", "get", "l2"]

TRICKS = {"sparse_categorical_crossentropy": SparseCategoricalCrossentropy, "l2": l2}
"""What has a card, by name; `l2` is a function of a model."""


def _sparse_categorical_crossentropy(from_logits=False, label_smoothing=0.0, ignore_class=None):
    if label_smoothing or (from_logits is True and ignore_class is None):
        return SparseCategoricalCrossentropy(from_logits, label_smoothing, ignore_class=ignore_class)
    return keras.losses.SparseCategoricalCrossentropy(from_logits, ignore_class)


REGISTRY = Registry(
    "loss",
    classes_by_name(keras.losses, keras.losses.Loss)
    | {"sparse_categorical_crossentropy": _sparse_categorical_crossentropy},
)


def get(identifier):
    """Returns a loss from a name in snake case, a dict with `"name"` and its arguments, or a Keras loss.

    Example:
        >>> get({"name": "sparse_categorical_crossentropy", "from_logits": True}).name
        'sparse_categorical_crossentropy'
    """
    loss = REGISTRY.get(identifier)
    if not isinstance(loss, keras.losses.Loss):
        raise RequestError(f"a loss must be a name, a dict with 'name', or a keras.losses.Loss, not {identifier!r}")
    return loss

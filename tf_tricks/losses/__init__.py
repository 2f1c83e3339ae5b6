"""Losses, by name: cross-entropy of integers and of distributions, Keras's own, and the penalty on weights."""

from typing import Any

import keras

from tf_tricks import registry
from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import classes_by_name
from tf_tricks.losses.cross_entropy import SparseCategoricalCrossentropy
from tf_tricks.losses.l2 import l2
from tf_tricks.named_parts import NamedParts

__all__ = ["TRICKS", "SparseCategoricalCrossentropy", "get", "l2"]

registry.discover(__name__)

TRICKS = registry.tricks("losses")
"""What has a card, by name; some are functions of a model, which no config can name."""

REGISTRY = NamedParts("losses", classes_by_name(keras.losses, keras.losses.Loss))


def get(identifier: Named | keras.losses.Loss, **defaults: Any) -> keras.losses.Loss:
    """Returns a loss from a name in snake case, a dict with `"name"` and its arguments, or a Keras loss.

    Args:
        identifier: name, dict or loss.
        **defaults: handed to the loss where it takes them.

    Raises:
        RequestError: there is no such loss, or its arguments cannot be used.

    Example:
        >>> get({"name": "sparse_categorical_crossentropy", "from_logits": True}).name
        'sparse_categorical_crossentropy'
    """
    loss = REGISTRY.get(identifier, **defaults)
    if not isinstance(loss, keras.losses.Loss):
        raise RequestError(f"a loss must be a name, a dict with 'name', or a keras.losses.Loss, not {identifier!r}")
    return loss

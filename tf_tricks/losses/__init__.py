"""Losses, by name: Keras's own."""

import keras

from tf_tricks.errors import RequestError
from tf_tricks.registry import Registry, classes_by_name

_REGISTRY = Registry("loss", classes_by_name(keras.losses, keras.losses.Loss))


def get(identifier):
    """Returns a loss from a name in snake case, a dict with `"name"` and its arguments, or a Keras loss.

    Example:
        >>> get({"name": "sparse_categorical_crossentropy", "from_logits": True}).name
        'sparse_categorical_crossentropy'
    """
    loss = _REGISTRY.get(identifier)
    if not isinstance(loss, keras.losses.Loss):
        raise RequestError(f"a loss must be a name, a dict with 'name', or a keras.losses.Loss, not {identifier!r}")
    return loss

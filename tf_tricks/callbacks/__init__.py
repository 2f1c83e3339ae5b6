"""Callbacks, by name: the lecture's schedules as callbacks, and Keras's own."""

import keras

from tf_tricks.callbacks.batch_size_increase import BatchSizeIncrease
from tf_tricks.callbacks.learning_rate_decay import LearningRateDecay
from tf_tricks.errors import RequestError
from tf_tricks.registry import Registry, classes_by_name

__all__ = ["BatchSizeIncrease", "LearningRateDecay", "get"]

_REGISTRY = Registry(
    "callback",
    classes_by_name(keras.callbacks, keras.callbacks.Callback)
    | {"batch_size_increase": BatchSizeIncrease, "learning_rate_decay": LearningRateDecay},
)


def get(identifier):
    """Returns a callback from a name in snake case, a dict with `"name"` and its arguments, or a Keras callback.

    Example:
        >>> get({"name": "early_stopping", "patience": 3}).patience
        3
    """
    callback = _REGISTRY.get(identifier)
    if not isinstance(callback, keras.callbacks.Callback):
        raise RequestError(f"a callback must be a name, a dict with 'name', or a Keras callback, not {identifier!r}")
    return callback

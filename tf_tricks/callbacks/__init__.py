"""Callbacks, by name: the lecture's schedules, and what watches a run, steers it or averages it; and Keras's own."""

import keras

from tf_tricks import registry
from tf_tricks.annotations import Named
from tf_tricks.callbacks.adaptive_batch_size import AdaptiveBatchSize
from tf_tricks.callbacks.batch_size_increase import BatchSizeIncrease
from tf_tricks.callbacks.decay_on_plateau import DecayOnPlateau
from tf_tricks.callbacks.exponential_moving_average import ExponentialMovingAverage
from tf_tricks.callbacks.gradual_unfreezing import GradualUnfreezing
from tf_tricks.callbacks.grow_batch_on_plateau import GrowBatchOnPlateau
from tf_tricks.callbacks.learning_rate_decay import LearningRateDecay
from tf_tricks.callbacks.learning_rate_finder import LearningRateFinder, find_learning_rate
from tf_tricks.callbacks.monitor import Monitor
from tf_tricks.callbacks.noise_scale import NoiseScale, noise_scale_estimate
from tf_tricks.callbacks.stochastic_weight_averaging import StochasticWeightAveraging
from tf_tricks.callbacks.stop_on_nan import StopOnNaN
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import classes_by_name
from tf_tricks.named_parts import NamedParts

__all__ = [
    "TRICKS",
    "AdaptiveBatchSize",
    "BatchSizeIncrease",
    "DecayOnPlateau",
    "ExponentialMovingAverage",
    "GradualUnfreezing",
    "GrowBatchOnPlateau",
    "LearningRateDecay",
    "LearningRateFinder",
    "Monitor",
    "NoiseScale",
    "StochasticWeightAveraging",
    "StopOnNaN",
    "find_learning_rate",
    "get",
    "noise_scale_estimate",
]

registry.discover(__name__)

TRICKS = registry.tricks("callbacks")
"""The callbacks that have a card, by name."""

_REGISTRY = NamedParts("callbacks", classes_by_name(keras.callbacks, keras.callbacks.Callback))


def get(identifier: Named | keras.callbacks.Callback, **defaults) -> keras.callbacks.Callback:
    """Returns a callback from a name in snake case, a dict with `"name"` and its arguments, or a Keras callback.

    Args:
        identifier: name, dict or callback.
        **defaults: handed to the callback where it takes them.

    Raises:
        RequestError: there is no such callback, or its arguments cannot be used.

    Example:
        >>> get({"name": "early_stopping", "patience": 3}).patience
        3
    """
    callback = _REGISTRY.get(identifier, **defaults)
    if not isinstance(callback, keras.callbacks.Callback):
        raise RequestError(f"a callback must be a name, a dict with 'name', or a Keras callback, not {identifier!r}")
    return callback

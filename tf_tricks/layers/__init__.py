"""Layers, by name: those of the lecture and their successors, and Keras's own."""

import keras

from tf_tricks.errors import RequestError
from tf_tricks.layers import from_keras, from_keras_random
from tf_tricks.layers.batch_norm_statistics import recompute_batch_norm
from tf_tricks.layers.batch_normalization import BatchNormalization
from tf_tricks.layers.blur_pool import BlurPool2D
from tf_tricks.layers.drop_block import DropBlock2D
from tf_tricks.layers.drop_connect import DropConnectConv2D, DropConnectDense
from tf_tricks.layers.dropout import Dropout
from tf_tricks.layers.monte_carlo import MonteCarloDropout, monte_carlo_predict
from tf_tricks.layers.scalars import ScalarBias, ScalarMultiplier
from tf_tricks.layers.squeeze_excite import SqueezeExcite
from tf_tricks.layers.standardization import Standardization
from tf_tricks.layers.stochastic_depth import StochasticDepth, linear_decay
from tf_tricks.layers.weight_standardization import WeightStandardizedConv2D, WeightStandardizedDense
from tf_tricks.layers.whitening import Whitening
from tf_tricks.registry import Registry, classes_by_name

__all__ = [
    "TRICKS",
    "BatchNormalization",
    "BlurPool2D",
    "DropBlock2D",
    "DropConnectConv2D",
    "DropConnectDense",
    "Dropout",
    "MonteCarloDropout",
    "ScalarBias",
    "ScalarMultiplier",
    "SqueezeExcite",
    "Standardization",
    "StochasticDepth",
    "WeightStandardizedConv2D",
    "WeightStandardizedDense",
    "Whitening",
    "get",
    "linear_decay",
    "monte_carlo_predict",
    "recompute_batch_norm",
]

_KERAS = classes_by_name(keras.layers, keras.layers.Layer)

_LAYERS = {
    "standardization": Standardization,
    "whitening": Whitening,
    "batch_normalization": BatchNormalization,
    "group_normalization": from_keras.group_normalization,
    "layer_normalization": from_keras.layer_normalization,
    "weight_standardized_conv2d": WeightStandardizedConv2D,
    "weight_standardized_dense": WeightStandardizedDense,
    "dropout": Dropout,
    "monte_carlo_dropout": MonteCarloDropout,
    "spatial_dropout1d": from_keras_random.spatial_dropout1d,
    "spatial_dropout2d": from_keras_random.spatial_dropout2d,
    "gaussian_dropout": from_keras_random.gaussian_dropout,
    "gaussian_noise": from_keras_random.gaussian_noise,
    "alpha_dropout": from_keras_random.alpha_dropout,
    "drop_connect_dense": DropConnectDense,
    "drop_connect_conv2d": DropConnectConv2D,
    "drop_block": DropBlock2D,
    "stochastic_depth": StochasticDepth,
    "blur_pool": BlurPool2D,
    "squeeze_excite": SqueezeExcite,
    "scalar_bias": ScalarBias,
    "scalar_multiplier": ScalarMultiplier,
}
if "rms_normalization" in _KERAS:  # newer than the oldest Keras that will do
    _LAYERS["rms_normalization"] = from_keras.rms_normalization

TRICKS = _LAYERS | {"monte_carlo_predict": monte_carlo_predict, "recompute_batch_norm": recompute_batch_norm}
"""The tricks of this package that have a card, by name; the last two are functions of a model."""

_REGISTRY = Registry("layer", _KERAS | _LAYERS)


def get(identifier, **defaults):
    """Returns a layer from a name in snake case, a dict with `"name"` and its arguments, or a Keras layer.

    Args:
        identifier: name, dict or layer.
        **defaults: what the model knows (`filters`, `units`, …): handed to the layer where it takes them.

    Raises:
        RequestError: there is no such layer, or its arguments cannot be used.

    Example:
        >>> get({"name": "drop_block", "block_size": 3}, rate=0.1).rate
        0.1
    """
    layer = _REGISTRY.get(identifier, **defaults)
    if not isinstance(layer, keras.layers.Layer):
        raise RequestError(f"a layer must be a name, a dict with 'name', or a Keras layer, not {identifier!r}")
    return layer

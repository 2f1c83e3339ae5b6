"""Layers, by name: those of the lecture and their successors, and Keras's own."""

import keras

from tf_tricks import registry
from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import classes_by_name
from tf_tricks.layers.batch_norm_statistics import recompute_batch_norm
from tf_tricks.layers.batch_normalization import BatchNormalization
from tf_tricks.layers.blur_pool import BlurPool2D
from tf_tricks.layers.drop_block import DropBlock2D
from tf_tricks.layers.drop_connect import DropConnectConv2D, DropConnectDense
from tf_tricks.layers.dropout import Dropout
from tf_tricks.layers.monte_carlo import MonteCarloDropout, monte_carlo_predict
from tf_tricks.layers.patch_whitening import PatchWhitening
from tf_tricks.layers.scalars import ScalarBias, ScalarMultiplier
from tf_tricks.layers.squeeze_excite import SqueezeExcite
from tf_tricks.layers.standardization import Standardization
from tf_tricks.layers.stochastic_depth import StochasticDepth, linear_decay
from tf_tricks.layers.weight_standardization import WeightStandardizedConv2D, WeightStandardizedDense
from tf_tricks.layers.whitening import Whitening
from tf_tricks.named_parts import NamedParts

__all__ = [
    "TRICKS",
    "BatchNormalization",
    "BlurPool2D",
    "DropBlock2D",
    "DropConnectConv2D",
    "DropConnectDense",
    "Dropout",
    "MonteCarloDropout",
    "PatchWhitening",
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

registry.discover(__name__)

TRICKS = registry.tricks("layers")
"""The tricks of this package that have a card, by name; some are functions of a model, which no config can name."""

_REGISTRY = NamedParts("layers", classes_by_name(keras.layers, keras.layers.Layer))


def get(identifier: Named | keras.layers.Layer, **defaults) -> keras.layers.Layer:
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

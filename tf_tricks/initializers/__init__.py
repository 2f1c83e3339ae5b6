"""Initial weights: schemes by name, functions that set up a whole model, and a look at what became of the signal."""

from collections.abc import Mapping
from typing import Any

import keras

from tf_tricks import registry
from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError
from tf_tricks.initializers.dirac import Dirac
from tf_tricks.initializers.fixup import fixup
from tf_tricks.initializers.lsuv import lsuv
from tf_tricks.initializers.orthogonal import orthogonal
from tf_tricks.initializers.probe import signal_propagation
from tf_tricks.initializers.report import LayerSignal, SignalReport
from tf_tricks.initializers.variance import (
    fan_in_normal,
    fan_out_normal,
    glorot_normal,
    he_fan_out_normal,
    he_normal,
    relu_glorot_normal,
    small_normal,
)
from tf_tricks.keras_names import classes_by_name
from tf_tricks.named_parts import NamedParts

registry.discover(__name__)

TRICKS = registry.tricks("initializers")
"""Every trick of this package by name; some are functions of a model, which no config can name."""

__all__ = [
    "TRICKS",
    "Dirac",
    "LayerSignal",
    "SignalReport",
    "fan_in_normal",
    "fan_out_normal",
    "fixup",
    "get",
    "glorot_normal",
    "he_fan_out_normal",
    "he_normal",
    "lsuv",
    "orthogonal",
    "relu_glorot_normal",
    "signal_propagation",
    "small_normal",
]

_REGISTRY = NamedParts("initializers", classes_by_name(keras.initializers, keras.initializers.Initializer))


def get(identifier: Named | keras.initializers.Initializer, **defaults: Any) -> keras.initializers.Initializer:
    """Returns an initializer from a name, a dict with `"name"` and its arguments, or a Keras initializer.

    What `keras.initializers.get` takes serves as well: short names (`"zeros"`, `"normal"`) and serialized initializers
    (`{"class_name": "RandomNormal", "config": {"stddev": 1.0}}`).

    Args:
        identifier: name, dict or initializer.
        **defaults: handed to the initializer where it takes them.

    Raises:
        RequestError: there is no such initializer, or its arguments cannot be used.

    Example:
        >>> get({"name": "orthogonal", "gain": 1.4}).gain
        1.4
    """
    if isinstance(identifier, str) and identifier not in _REGISTRY.entries:
        try:
            identifier = keras.initializers.get(identifier)
        except ValueError:
            pass  # The registry knows the nearest name.
    elif isinstance(identifier, Mapping) and "class_name" in identifier:
        try:
            identifier = keras.initializers.get(identifier)
        except (TypeError, ValueError) as error:
            raise RequestError(f"Keras cannot make the initializer {identifier!r}") from error
    initializer = _REGISTRY.get(identifier, **defaults)
    if not isinstance(initializer, keras.initializers.Initializer):
        raise RequestError(
            "an initializer must be a name, a dict with 'name', or a keras.initializers.Initializer, "
            f"not {identifier!r}"
        )
    return initializer

"""A model's weights, layer by layer, as Keras's files have them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
from keras.src.saving import saving_lib


class LayerWeights(NamedTuple):
    """The weights of one layer.

    Attributes:
        path: where Keras's files have them, such as `"layers/dense_1"`: it counts the layers of a class within the
            model, whatever their names are.
        name: the layer's own, such as `"logits"`, or one that Keras has numbered within the process, `"dense_3"`.
        weights: dict of the key in Keras's files, `"0"`, `"1"`, …, to a variable or an array; empty where the layer has
            none of its own.
    """

    path: str
    name: str
    weights: Mapping[str, Any]


def layers_of(model: keras.Model) -> list[LayerWeights]:
    """Returns the `LayerWeights` of each layer of a built model; their values are its variables.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="logits")])
        >>> [(layer.path, layer.name, list(layer.weights)) for layer in layers_of(model)[1:]]
        [('layers/dense', 'logits', ['0', '1'])]
    """
    noted = _Noted()
    saving_lib._save_state(model, noted, assets_store=None, inner_path="", visited_saveables=_no_layers(model))
    return [LayerWeights(path, name, weights) for path, name, weights in noted.found]


def described(model: keras.Model) -> list[list[Any]]:
    """Returns whose weights `model.weights` are, as a checkpoint keeps it: `[path, name, {key: index}]` of each layer.

    Args:
        model: a built `keras.Model`; of one that cannot be saved nothing is known.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="logits")])
        >>> described(model)
        [['layers/dense', 'logits', {'0': 0, '1': 1}]]
    """
    places = {id(variable): i for i, variable in enumerate(model.weights)}
    try:
        layers = layers_of(model)
    except Exception:  # of somebody's own layer: it can be trained all the same
        return []
    found = [
        [path, name, {key: places[id(value)] for key, value in weights.items() if id(value) in places}]
        for path, name, weights in layers
    ]
    holding = [path for path, _, known in found if known]
    return [one for one in found if (one[0] and any(f"{path}/".startswith(f"{one[0]}/") for path in holding)) or one[2]]


def assign(model: keras.Model, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Gives layers other weights, as Keras does when it loads a file.

    Args:
        model: a built `keras.Model`.
        values: dict of a `LayerWeights.path` of the model to arrays by their keys; layers that it lacks stay as they
            are.
    """
    given = _Given({layer.path: layer.weights for layer in layers_of(model)} | dict(values))
    failed: set[int] = set()
    messages: dict[int, Any] = {}
    saving_lib._load_state(
        model,
        given,
        assets_store=None,
        inner_path="",
        visited_saveables=_no_layers(model),
        failed_saveables=failed,
        error_msgs=messages,
    )
    if failed:
        raise RuntimeError(f"Keras cannot load what it has saved: {list(messages.values())}")


def _no_layers(model):
    """What Keras's files have beside the layers of a compiled model."""
    others = [getattr(model, "optimizer", None), *getattr(model, "_metrics", ())]
    others += [getattr(model, name, None) for name in ("_compile_metrics", "_loss_tracker", "_compile_loss")]
    return {id(other) for other in others if other is not None}


class _Noted(saving_lib.H5IOStore):
    """Keras's walk over a model, noted in place of written."""

    def __init__(self):
        self.found = []

    def __bool__(self):
        return True

    def make(self, path, metadata=None):
        weights: dict[str, Any] = {}
        self.found.append((path, (metadata or {}).get("name", ""), weights))
        return weights


class _Given(saving_lib.H5IOStore):
    """Arrays, where Keras expects an open file."""

    def __init__(self, values):
        self._values = values

    def __bool__(self):
        return True

    def get(self, path):
        return self._values.get(path, {})

    def has_path(self, path):
        return any(f"{known}/".startswith(f"{path}/") for known in self._values)


def named_weights(layer: LayerWeights) -> list[tuple[str, tuple[int, ...]]]:
    """Returns pairs of a weight's name, for a sentence, and its shape.

    Example:
        >>> import numpy as np
        >>> named_weights(LayerWeights("layers/dense", "logits", {"0": np.zeros((4, 3))}))
        [('logits/0', (4, 3))]
    """
    return [(f"{layer.name}/{getattr(v, 'name', key)}", tuple(v.shape)) for key, v in layer.weights.items()]


def with_weights(layers: Sequence[LayerWeights]) -> list[LayerWeights]:
    """Returns the layers that have weights of their own."""
    return [layer for layer in layers if layer.weights]

"""What reaches the first weights of a model: its inputs after all that comes before them."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from tf_tricks.initializers.walk import calls_replaced

_NORMALIZES = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.Normalization,
)


def inputs_of_first_weights(model: keras.Model, inputs: Any) -> dict[str, np.ndarray]:
    """Returns a dict of layer to what the layer gets, for the first layers with a weight matrix on the inputs' ways.

    The model runs as in training, so that batch norm before them has the statistics of these examples; nothing of it
    changes. A way that ends in an embedding has no numbers to look at.

    Args:
        model: a built `keras.Model`.
        inputs: as it takes them, [b, ...].

    Example:
        >>> import keras, numpy as np
        >>> layers = [keras.Input((2,)), keras.layers.Rescaling(0.5), keras.layers.Dense(3, name="first")]
        >>> model = keras.Sequential(layers)
        >>> inputs_of_first_weights(model, np.array([[2.0, 4.0]], "float32"))["first"].tolist()
        [[1.0, 2.0]]
    """
    groups = _first_groups(model)
    found: dict[str, np.ndarray] = {}
    place = {id(layer): number for number, group in enumerate(groups) for layer in group}
    seen: set[int] = set()

    def note(layer, call):
        def noted(*args, **kwargs):
            values = keras.tree.flatten(args)[:1]
            if place[id(layer)] not in seen and values and _is_float(values[0]):
                seen.add(place[id(layer)])
                found[layer.name] = np.asarray(keras.ops.convert_to_numpy(values[0]), "float32")
            return call(*args, **kwargs)

        return noted

    with calls_replaced([layer for group in groups for layer in group], note), keras.StatelessScope():
        model(inputs, training=True)
    return found


def batch_norm_follows(model: keras.Model) -> bool:
    """Returns whether a batch norm comes directly after the first weights: it takes the scale of the inputs away."""
    layers = list(_leaves(model))
    first = next((i for i, layer in enumerate(layers) if _has_matrix(layer)), len(layers))
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers[first + 1 : first + 2])


def _first_groups(model) -> Sequence[list[Any]]:
    """For each way from the inputs its first layer with a matrix, as leaves of which the first that is called counts.

    Of a model that is no graph, all leaves are one group.
    """
    if not isinstance(model, keras.src.models.functional.Functional):
        inner = getattr(model, "_functional", None)
        if not isinstance(inner, keras.src.models.functional.Functional):
            return [[layer for layer in _leaves(model) if _has_matrix(layer)]]
        model = inner
    raw = {id(tensor) for tensor in model.inputs}
    groups: list[list[Any]] = []
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input or not any(id(tensor) in raw for tensor in node.input_tensors):
                continue
            operation = node.operation
            leaves = list(_leaves(operation)) if isinstance(operation, keras.layers.Layer) else []
            if isinstance(operation, keras.Model) and any(map(_has_matrix, leaves)):
                groups += _first_groups(operation)
            elif any(map(_has_matrix, leaves)):
                groups.append([layer for layer in leaves if _has_matrix(layer)])
            elif not any(isinstance(layer, keras.layers.Embedding) for layer in leaves):
                raw.update(id(tensor) for tensor in node.output_tensors)
    return groups


def _leaves(layer) -> Iterator[Any]:
    """The layers inside a layer that hold weights themselves, in their order; a recurrent layer is one."""
    if isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional)):
        yield layer
        return
    inside = list(layer._flatten_layers(include_self=False, recursive=False))
    if not inside:
        yield layer
    for one in inside:
        yield from _leaves(one)


def _has_matrix(layer):
    if isinstance(layer, (*_NORMALIZES, keras.layers.Embedding)):
        return False
    return any(len(weight.shape) >= 2 for weight in layer.trainable_weights + layer.non_trainable_weights)


def _is_float(value):
    return hasattr(value, "dtype") and "float" in keras.backend.standardize_dtype(value.dtype)

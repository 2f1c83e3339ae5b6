"""Where dropout comes before batch norm, by the model's graph."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras

_DROPS = (keras.layers.Dropout, keras.layers.SpatialDropout1D, keras.layers.SpatialDropout2D)


class Dropped(NamedTuple):
    """A batch norm whose inputs were dropped out.

    Attributes:
        dropout: the layer's name.
        batch_norm: likewise.
        rate: of the dropout.
        at_once: whether no layer with weights is in between.
    """

    dropout: str
    batch_norm: str
    rate: float
    at_once: bool


def dropped_before_batch_norm(model: keras.Model) -> list[Dropped]:
    """Returns each batch norm with a dropout before it, at most one layer with weights in between.

    Example:
        >>> layers = keras.layers
        >>> model = keras.Sequential([keras.Input((4,)), layers.Dropout(0.3, name="drop"), layers.Dense(3),
        ...                           layers.BatchNormalization(name="norm"), layers.Dense(2)])
        >>> dropped_before_batch_norm(model)
        [Dropped(dropout='drop', batch_norm='norm', rate=0.3, at_once=False)]
    """
    found = [dropped for graph in _graphs(model) for dropped in _of_graph(graph)]
    return sorted(dict.fromkeys(found), key=lambda dropped: not dropped.at_once)


def _graphs(model) -> Iterator[Any]:
    for one in [model, *(layer for layer in model._flatten_layers() if isinstance(layer, keras.Model))]:
        graph = getattr(one, "_functional", one)
        if hasattr(graph, "_nodes_by_depth"):
            yield graph


def _of_graph(graph):
    before = {
        id(tensor): node
        for nodes in graph._nodes_by_depth.values()
        for node in nodes
        for tensor in node.output_tensors
        if not node.is_input
    }
    nodes = dict.fromkeys(before.values())
    for node in nodes:
        if isinstance(node.operation, keras.layers.BatchNormalization):
            found = _dropout_before(node, before)
            if found is not None:
                dropout, at_once = found
                yield Dropped(dropout.name, node.operation.name, float(dropout.rate), at_once)


def _dropout_before(node, before):
    at_once = True
    while len(node.input_tensors) == 1 and id(node.input_tensors[0]) in before:
        node = before[id(node.input_tensors[0])]
        layer = node.operation
        if isinstance(layer, _DROPS) and layer.rate > 0:
            return layer, at_once
        if getattr(layer, "weights", None):
            if not at_once or isinstance(layer, keras.Model):
                return None
            at_once = False
    return None

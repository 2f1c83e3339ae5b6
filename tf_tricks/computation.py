"""What a model computes, step by step, through all models inside it."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import keras
from keras.src.models.functional import Functional

from tf_tricks.block_names import numbered_blocks


class Step(NamedTuple):
    """One call of a layer or of an operation, such as a sum of two tensors.

    Attributes:
        path: the names of the models around it and its own: `"encoder/block_1_conv"`.
        operation: the layer or operation.
        sources: tuple of numbers of the tensors that it takes.
        results: tuple of numbers of the tensors that it makes.
    """

    path: str
    operation: Any
    sources: tuple[int, ...]
    results: tuple[int, ...]


def steps_of(model: keras.Model) -> list[Step]:
    """Returns the steps of a built model, each after those whose tensors it takes, each as early as it can be.

    A model inside is its own steps. A model that has no graph, being a subclass, is its layers in the order of its
    attributes, each taking what the one before makes. So is a model or a layer inside whose layers carry the numbers of
    blocks, and a model inside that is the only one of its class. All others are one step.

    Example:
        >>> inputs = keras.Input((4,))
        >>> x = keras.layers.Dense(4, name="dense")(inputs)
        >>> [step.path for step in steps_of(keras.Model(inputs, keras.layers.Add(name="sum")([x, inputs])))][1:]
        ['dense', 'sum']
    """
    steps: list[Step] = []
    walk = _Walk(steps)
    walk.inside(model, "", [])
    return _early(steps)


def single_tensors(steps: Sequence[Step], heavy: Sequence[bool]) -> list[int]:
    """Returns the steps after which one single tensor carries all that has been computed so far.

    Tensors that no weights have had a part in and that none begin with, such as masks, do not count.

    Args:
        steps: of `steps_of`.
        heavy: for each step, whether it has weights that count.

    Returns:
        list of indices of steps: those that make the tensor, or end a branch beside it.

    Example:
        >>> inputs = keras.Input((4,))
        >>> x = keras.layers.Dense(4)(inputs)
        >>> y = keras.layers.Dense(4)(keras.layers.ReLU()(x))
        >>> steps = steps_of(keras.Model(inputs, keras.layers.Dense(2)(x + y)))
        >>> [steps[i].operation.name.partition("_")[0] for i in single_tensors(steps, [True] * len(steps))]
        ['input', 'dense', 'add']
    """
    last_use = {value: i for i, step in enumerate(steps) for value in step.sources}
    computed: set[int] = set()  # tensors that weights have had a part in
    begun: set[int] = set()  # those that weights begin with, which may also go around a first residual block
    for step, has_weights in zip(steps, heavy):
        follows = not computed.isdisjoint(step.sources)
        if has_weights and not follows:
            begun.update(step.sources)
        if has_weights or follows:
            computed.update(step.results)
    carried = computed | begun
    found: list[int] = []
    waiting: set[int] = set()
    made_since: set[int] = set()
    for i, step in enumerate(steps):
        made_since.update(step.results)
        waiting.update(carried.intersection(step.results))
        waiting = {value for value in waiting if last_use.get(value, -1) > i}
        if len(waiting) == 1 and waiting <= made_since:
            found.append(i)
            made_since = set()
    return found


class _Walk:
    """Writes steps down."""

    def __init__(self, steps: list[Step]):
        self._steps = steps
        self._numbers = itertools.count()

    def inside(self, model, path, sources):
        """Writes a model's steps; returns the numbers of its outputs."""
        graph = graph_of(model)
        if graph is not None:
            return self._of_graph(graph, path, sources)
        parts = model._flatten_layers(include_self=False, recursive=False)
        parts = [part for part in parts if not isinstance(part, keras.layers.InputLayer)]
        for part in parts:
            sources = self._call(part, path, sources, 1, parts)
        return sources

    def _of_graph(self, graph, path, sources):
        tensors = dict(zip(map(id, graph.inputs), sources))
        for depth in sorted(graph._nodes_by_depth, reverse=True):
            for node in graph._nodes_by_depth[depth]:
                taken = node.outputs if node.is_input else node.input_tensors
                taken = [tensors[id(tensor)] for tensor in taken if id(tensor) in tensors]
                made = self._call(node.operation, path, taken, len(node.outputs), graph.layers)
                tensors.update(zip(map(id, node.outputs), made))
        return [tensors[id(tensor)] for tensor in graph.outputs]

    def _call(self, operation, path, sources, number_of_results, siblings):
        path = f"{path}/{operation.name}" if path else operation.name
        if _opens(operation, siblings):
            results = self.inside(operation, path, sources)
            return results if len(results) == number_of_results else results[:1] * number_of_results
        results = list(itertools.islice(self._numbers, number_of_results))
        self._steps.append(Step(path, operation, tuple(sources), tuple(results)))
        return results


def graph_of(model: Any) -> Functional | None:
    """Returns the functional model that a model or an operation is, or is made of; None where there is none.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        >>> len(graph_of(model).operations), graph_of(model.layers[0])
        (2, None)
    """
    graph = getattr(model, "_functional", None) or model
    return graph if isinstance(graph, Functional) else None


def _opens(operation: Any, siblings: Sequence[Any]) -> bool:
    """Returns whether what an operation is made of counts, and not itself."""
    if not isinstance(operation, keras.layers.Layer):
        return False
    if graph_of(operation) is not None:
        return True
    if operation._trainable_variables or operation._non_trainable_variables:
        return False  # they would be in none of its parts
    parts = operation._flatten_layers(include_self=False, recursive=False)
    if not parts:
        return False
    if isinstance(operation, keras.Model) and Counter(map(type, siblings))[type(operation)] == 1:
        return True
    return len(set(filter(None, numbered_blocks(list(_names_inside(operation)))))) > 1


def _names_inside(layer: Any) -> Iterator[str]:
    for part in layer._flatten_layers(include_self=False, recursive=False):
        yield part.name
        yield from (f"{part.name}/{name}" for name in _names_inside(part))


def _early(steps: list[Step]) -> list[Step]:
    """Returns the steps by how many come before each, so that a branch that ends early does not go on to the end."""
    levels: dict[int, int] = {}
    order = []
    for step in steps:
        level = 1 + max((levels[value] for value in step.sources), default=-1)
        levels.update(dict.fromkeys(step.results, level))
        order.append(level)
    return [steps[i] for i in sorted(range(len(steps)), key=order.__getitem__)]

"""A functional model in two parts: what cannot change while it is trained, and the rest."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops
from keras.src.backend import get_keras_mask, set_keras_mask
from keras.src.backend.common.keras_tensor import KerasTensor
from keras.src.models.functional import Functional

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.computation import graph_of


@dataclasses.dataclass(frozen=True)
class _Value:
    """Stands for a tensor, by its number."""

    number: int


class _Call(NamedTuple):
    """A layer or operation, called once, with `_Value`s where it gets tensors."""

    operation: Any
    args: Any
    kwargs: Any
    outputs: list[int]
    augments: bool = False

    @property
    def inputs(self) -> list[int]:
        return [value.number for value in _values((self.args, self.kwargs))]


class GraphParts:
    """The frozen part of a model, from its inputs to some features, and the rest, from there to its outputs.

    The layers are those of the model, and of the models within it. The frozen part runs in inference mode: without
    dropout, and with the moving statistics of batch norm.

    Args:
        model: a built functional or sequential `keras.Model`.
        frozen: the calls of the frozen part.
        rest: the others.

    Attributes:
        augmentation: name of a layer that changes the inputs at random before the frozen weights, or None. In training
            it does so.
    """

    def __init__(self, model: keras.Model, frozen: Sequence[_Call], rest: Sequence[_Call], flat: "_Flat"):
        self.model = model
        self.augmentation = next((call.operation.name for call in frozen if call.augments), None)
        self._functional: Any = graph_of(model)
        self._frozen, self._rest, self._flat = frozen, rest, flat
        made = {number for call in frozen for number in call.outputs}
        wanted = [number for call in rest for number in call.inputs] + flat.outputs
        self._carried = sorted({*made, *flat.inputs}.intersection(wanted))

    def features(self, inputs: Structure, training: bool = False) -> list[Tensor]:
        """Returns what the rest is computed from: tensors [b, ...], inputs among them that it takes itself.

        Args:
            inputs: as the model takes them.
            training: whether layers that augment the inputs do so.
        """
        values = dict(zip(self._flat.inputs, keras.tree.flatten(self._functional._standardize_inputs(inputs))))
        for call in self._frozen:
            _run([call], values, training and call.augments)
        return [_without_gradient(values[number]) for number in self._carried]

    def outputs(self, features: Sequence[Tensor], training: bool) -> Structure:
        """Returns the model's outputs.

        Args:
            features: from `features`.
            training: whether the rest runs as in training.
        """
        values = {i: ops.cast(x, self._flat.dtypes[i]) for i, x in zip(self._carried, features)}
        _run(self._rest, values, training)
        flat = [values[number] for number in self._flat.outputs]
        return keras.tree.pack_sequence_as(self._functional._outputs_struct, flat)


def graph_parts(model: keras.Model) -> GraphParts | str | None:
    """Returns the parts of a model; None where none of its weights is frozen from the inputs on; or why it has none.

    A layer is in the frozen part where neither its weights nor those before it can change. Within the part dropout is
    off; before the first weights a random layer is an augmentation, and behind the last ones it belongs to the head.

    Args:
        model: a built `keras.Model`.
    """
    if graph_of(model) is None or _has_own_call(model):
        return "it is not made by the functional API alone"
    flat = _Flat(model)
    constant, calls = set(flat.inputs), []
    with_weights: set[int] = set()
    for call in flat.calls:
        weighted = _has_weights(call.operation) or not with_weights.isdisjoint(call.inputs)
        if not constant.issuperset(call.inputs) or not _is_constant(call.operation):
            continue
        constant.update(call.outputs)
        calls.append(call._replace(augments=_draws(call.operation) and not weighted))
        if weighted:
            with_weights.update(call.outputs)
    calls = _without_last_random(calls)
    if not any(_has_weights(call.operation) for call in calls):
        return None
    problem = next(filter(None, map(_loss_of_its_own, calls)), None)
    if problem:
        return problem
    own = {tuple(call.outputs) for call in calls}
    return GraphParts(model, calls, [call for call in flat.calls if tuple(call.outputs) not in own], flat)


class _Flat:
    """A model's calls in the order of computation, those of the models within it in their place."""

    def __init__(self, model):
        self.calls: list[_Call] = []
        self.dtypes: list[str] = []
        functional = graph_of(model)
        inputs = self._new(functional.inputs)
        self.inputs = [value.number for value in inputs]
        self.outputs = [value.number for value in self._visit(functional, inputs)]

    def _visit(self, model, inputs):
        values = {id(x): value for x, value in zip(model.inputs, inputs)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if node.is_input or any(id(x) not in values for x in node.input_tensors):
                    continue
                args, kwargs = node.arguments.convert(lambda x: values[id(x)] if isinstance(x, KerasTensor) else x)
                for x, value in zip(node.outputs, self._called(node, args, kwargs)):
                    values[id(x)] = value
        return [values[id(x)] for x in model.outputs]

    def _called(self, node, args, kwargs):
        inner = graph_of(node.operation)
        if inner is not None and not _has_own_call(node.operation) and len(args) == 1 and not _values(kwargs):
            return self._visit(inner, _values(args))
        outputs = self._new(node.outputs)
        self.calls.append(_Call(node.operation, args, kwargs, [value.number for value in outputs]))
        return outputs

    def _new(self, tensors):
        values = [_Value(len(self.dtypes) + i) for i in range(len(tensors))]
        self.dtypes += [x.dtype for x in tensors]
        return values


def _run(calls: Iterable[_Call], values: dict[int, Any], training: bool) -> None:
    def value(one):
        return values[one.number] if isinstance(one, _Value) else one

    for call in calls:
        args, kwargs = keras.tree.map_structure(value, (call.args, call.kwargs))
        if getattr(call.operation, "_call_has_training_arg", False):
            kwargs = kwargs | {"training": training}
        outputs = call.operation(*args, **kwargs)
        values.update(zip(call.outputs, keras.tree.flatten(outputs)))


def _without_gradient(x):
    stopped = ops.stop_gradient(x)
    if (mask := get_keras_mask(x)) is not None:
        set_keras_mask(stopped, mask)
    return stopped


def _has_own_call(model):
    """Whether a class of somebody's own computes in another way than its graph says."""
    own = keras.Sequential if isinstance(model, keras.Sequential) else Functional
    others = ("call", "__call__", "compute_loss", "compute_metrics", "_compute_loss")
    return any(getattr(type(model), name, None) is not getattr(own, name, None) for name in others)


def _layers(operation):
    return operation._flatten_layers() if isinstance(operation, keras.layers.Layer) else []


def _has_weights(operation):
    """Whether it has weights of the kind that is learned, be they frozen now."""
    return any(layer._trainable_variables for layer in _layers(operation))


def _draws(operation):
    return any(layer._seed_generators for layer in _layers(operation))


def _is_constant(operation):
    """Whether its weights stay what they are as long as the run lasts."""
    if isinstance(operation, keras.layers.Layer) and operation.trainable_variables:
        return False
    return not any(_changes_itself(layer) for layer in _layers(operation))


def _changes_itself(layer):
    """Whether a pass in training changes the layer: the moving statistics of batch norm, the state of an RNN."""
    if getattr(layer, "stateful", False):
        return True
    own = {id(generator.state) for generator in layer._seed_generators}
    other = [v for v in layer._non_trainable_variables if id(v) not in own]
    return bool(other) and layer.trainable and layer._call_has_training_arg


def _without_last_random(calls):
    """Without the random layers behind the last frozen weights, which belong to the head, and what follows them."""
    before_weights = set()
    for call in reversed(calls):
        if _has_weights(call.operation) or not before_weights.isdisjoint(call.outputs):
            before_weights.update(call.inputs)
    kept, dropped = [], set()
    for call in calls:
        last = before_weights.isdisjoint(call.outputs) and not _has_weights(call.operation)
        if (last and _draws(call.operation)) or not dropped.isdisjoint(call.inputs):
            dropped.update(call.outputs)
        else:
            kept.append(call)
    return kept


def _loss_of_its_own(call):
    for layer in _layers(call.operation):
        if getattr(layer, "activity_regularizer", None) is not None:
            return f"its layer {layer.name!r} has a loss of its own"
    return None


def _values(structure):
    return [one for one in keras.tree.flatten(structure) if isinstance(one, _Value)]

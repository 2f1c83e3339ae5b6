"""The head of a model: the last layer, which gives a value for each class, and the model without it."""

import math

import keras

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError


def head_of(model: keras.Model) -> keras.layers.Layer | None:
    """Returns the head of a model with one output, or None where the model ends in features.

    The head is the last layer that holds weights, if that is a `Dense`, or a convolution of single pixels on a single
    pixel, as some networks have it. In a model within the model it is found, too.

    Args:
        model: a built functional or sequential `keras.Model`.

    Raises:
        RequestError: the model has several outputs, or is not made by the functional API.

    Example:
        >>> body = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(3, name="logits")])
        >>> head_of(keras.Sequential([keras.Input((4,)), body, keras.layers.Softmax()])).name
        'logits'
    """
    node = _last_with_weights(_single_output(model))
    if node is None:
        return None
    if isinstance(node.operation, keras.Model):
        return head_of(node.operation)
    return node.operation if _is_head(node) else None


def without_head(model: keras.Model) -> keras.Model:
    """Returns the model up to its features, with the same layers and weights.

    Its head goes, with what follows it and with the dropout before it. Where there is no head, what makes probabilities
    of the last features goes.

    Args:
        model: a built functional or sequential `keras.Model` with one output.

    Raises:
        RequestError: as of `head_of`.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(3)])
        >>> without_head(model).output_shape
        (None, 8)
    """
    output = _single_output(model)
    node = _last_with_weights(output)
    if node is None or head_of(model) is None:
        return keras.Model(_inputs(model), _before(output, _makes_probabilities), name=model.name)
    if isinstance(node.operation, keras.Model):
        args, kwargs = node.arguments.args, node.arguments.kwargs
        return keras.Model(_inputs(model), without_head(node.operation)(*args, **kwargs), name=model.name)
    return keras.Model(_inputs(model), _before(node.input_tensors[0], _drops), name=model.name)


def as_vector(name: str, features: Tensor, layer_name: str) -> Tensor:
    """Returns features with their places averaged away, [batch, features].

    Args:
        name: of the model, as the user knows it.
        features: [batch, ..., features], of images or sequences.
        layer_name: of the layer that does so.
    """
    rank = len(features.shape)
    if rank == 2:
        return features
    if rank == 4 and math.prod(features.shape[1:3] if None not in features.shape[1:3] else (0,)) == 1:
        return keras.layers.Flatten(name=layer_name)(features)
    pooling = {3: keras.layers.GlobalAveragePooling1D, 4: keras.layers.GlobalAveragePooling2D}
    if rank not in pooling:
        raise RequestError(f"the model {name!r} ends in features {list(features.shape)}, on which no head can be put")
    return pooling[rank](name=layer_name)(features)


def _inputs(model):
    """Not `model.input`, which of a model within a model is that of the outer one."""
    return model.inputs[0] if len(model.inputs) == 1 else model._inputs_struct


def _before(tensor, of_the_head):
    """The tensor before the last layers for which a function says that they belong to the head."""
    operation, index, _ = tensor._keras_history
    while of_the_head(operation) and len(operation._inbound_nodes[index].input_tensors) == 1:
        tensor = operation._inbound_nodes[index].input_tensors[0]
        operation, index, _ = tensor._keras_history
    return tensor


def _drops(operation):
    return isinstance(operation, keras.layers.Dropout)


def _makes_probabilities(operation):
    name = getattr(getattr(operation, "activation", None), "__name__", "")
    of_activation = isinstance(operation, keras.layers.Activation) and name in ("softmax", "sigmoid")
    return isinstance(operation, keras.layers.Softmax) or of_activation


def _single_output(model):
    outputs = getattr(model, "outputs", None)
    if not outputs:
        raise RequestError(
            f"the head of the model {model.name!r} cannot be found: it is not made by the functional API; make its "
            "features by a function of your own, and give that as the model"
        )
    if len(outputs) > 1:
        names = ", ".join(getattr(model, "output_names", [])) or str(len(outputs))
        raise RequestError(f"the model {model.name!r} has several outputs ({names}), and its head must be one")
    return outputs[0]


def _last_with_weights(tensor):
    """The node of the last layer with weights on the only way back from a tensor; None where ways part before."""
    while True:
        operation, index, _ = tensor._keras_history
        node = operation._inbound_nodes[index]
        if node.is_input:
            return None
        if isinstance(operation, keras.layers.Layer) and operation.weights:
            return node
        if isinstance(operation, keras.Model) or len(node.input_tensors) != 1:
            return None
        tensor = node.input_tensors[0]


def _is_head(node):
    layer = node.operation
    if isinstance(layer, keras.layers.Dense):
        return True
    places = node.input_tensors[0].shape[1:-1]
    return isinstance(layer, keras.layers.Conv2D) and set(layer.kernel_size) == {1} and set(places) == {1}

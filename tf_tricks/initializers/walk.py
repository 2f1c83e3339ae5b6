"""What the functions on whole models share: their layers, the kernels, and a way to stand in a layer's place."""

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator
from typing import Any

import keras


def layers_in(model: keras.Model) -> dict[str, keras.layers.Layer]:
    """Returns the layers of a model and of the models inside it, by name ("encoder/dense"), each once.

    Args:
        model: a `keras.Model`.

    Returns:
        dict of name to layer, in the model's own order. A layer that is made of layers counts as one.

    Example:
        >>> import keras
        >>> encoder = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="dense")], name="encoder")
        >>> list(layers_in(keras.Sequential([encoder, keras.layers.Dense(2, name="logits")])))
        ['encoder/dense', 'logits']
    """
    found: dict[str, keras.layers.Layer] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            inside = {f"{layer.name}/{name}": value for name, value in layers_in(layer).items()}
        else:
            inside = {layer.name: layer}
        known = set(map(id, found.values()))
        found |= {name: value for name, value in inside.items() if id(value) not in known}
    return found


def kernel_of(layer: keras.layers.Layer) -> Any:
    """Returns the weight matrix of a built dense or convolutional layer, or None for any other layer.

    Of a separable convolution it is that of the pointwise part, which comes last.
    """
    kernel = getattr(layer, "pointwise_kernel", None)
    kernel = getattr(layer, "kernel", None) if kernel is None else kernel
    return kernel if isinstance(kernel, keras.Variable) and len(kernel.shape) >= 2 else None


def is_sum(node: Any) -> bool:
    """Returns whether a node of a model's graph adds tensors: by `keras.layers.Add`, or by + on symbolic tensors."""
    return type(node.operation).__name__ == "Add" and len(node.input_tensors) > 1


@contextlib.contextmanager
def calls_replaced(
    layers: Collection[keras.layers.Layer],
    replace: Callable[[keras.layers.Layer, Callable[..., Any]], Callable[..., Any]],
) -> Iterator[None]:
    """Within it each layer's `call` is `replace(layer, call)`; afterwards it is its own again.

    Args:
        layers: the layers.
        replace: function of a layer and its `call` that returns what is to be called instead.
    """
    own = {id(layer): vars(layer).get("call") for layer in layers}
    try:
        for layer in layers:
            # Written past Keras, which would take an attribute that is set for a change of the layer.
            vars(layer)["call"] = functools.wraps(layer.call)(replace(layer, layer.call))
        yield
    finally:
        for layer in layers:
            vars(layer).pop("call", None)
            if own[id(layer)] is not None:
                vars(layer)["call"] = own[id(layer)]

"""What to do for a network whose signal does not arrive, told from its layers and weights."""

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from tf_tricks.activations import RELU_LIKE
from tf_tricks.initializers.walk import is_sum, kernel_of, layers_in

ACTIVATIONS = tuple(
    getattr(keras.layers, name)
    for name in ("Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax")
    if hasattr(keras.layers, name)
)


def advice(model: keras.Model, layers: Iterable[keras.layers.Layer], forward_gain: float) -> str:
    """Returns what to do if the activations or the gradient grow or shrink, in words: "use he_normal".

    Each remedy is named to a network that does not have it yet, so that one who follows the advice and asks again is
    not sent back: from any weights to those of he_normal or glorot_normal, from these to lsuv, from there to
    normalization or skip connections.

    Args:
        model: a built `keras.Model`.
        layers: those of its layers that are measured.
        forward_gain: by how much a layer multiplies the standard deviation of the activations.
    """
    layers = list(layers)
    if _normalizes(model):  # The scale of a kernel before a normalization has no effect on the signal.
        if is_residual(model):
            return "let each branch begin at 0, by gamma_initializer='zeros' in its last normalization"
        return "add skip connections, as normalization alone lets the gradient grow with depth"
    if is_residual(model):
        return "use fixup, or normalize"
    activations = {activation_name(layer) for layer in layers[:-1]} - {None, "linear"}
    if activations == {"sigmoid"}:
        return "use tanh or relu in place of sigmoid, whose slope is at most 1/4"
    relu = any(name in RELU_LIKE for name in {activation_name(layer) for layer in layers})
    scheme = "he_normal" if relu else "glorot_normal"
    kernels = [_float64(kernel_of(layer)) for layer in layers if kernel_of(layer) is not None]
    if not all(kernel.any() for kernel in kernels):
        return f"use {scheme} for the weights that are all 0"
    # Measured, and not asked of the layers: the weights may have come from elsewhere, or have been trained.
    shares = [np.mean(kernel**2) / _variance_asked(kernel, relu) for kernel in kernels[:-1]]
    if shares and 0.8 < min(shares) and max(shares) < 1.25:
        return "use lsuv, or normalize"
    if abs(np.log(forward_gain)) < 0.01:  # as lsuv leaves it
        return "normalize, or add skip connections"
    return f"use {scheme}"


def is_residual(model: keras.Model) -> bool:
    """Returns whether the network has skip connections that are added."""
    nodes = [node for operation in getattr(model, "operations", ()) for node in operation._inbound_nodes]
    return any(isinstance(layer, keras.layers.Add) for layer in layers_in(model).values()) or any(map(is_sum, nodes))


def is_measured(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer changes the signal: by weights or by an activation."""
    return bool(layer.weights) or isinstance(layer, ACTIVATIONS) or activation_name(layer) not in (None, "linear")


def activation_name(layer: keras.layers.Layer) -> str | None:
    """Returns the name of a layer's activation, or None: "relu" for all the layers that rectify."""
    if isinstance(layer, (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.ELU)):
        return "relu"
    activation = getattr(layer, "activation", None)
    return None if activation is None else getattr(activation, "__name__", type(activation).__name__)


def _normalizes(model):
    kinds = [type(layer) for layer in layers_in(model).values()]
    return any(kind.__name__.endswith("Normalization") and kind is not keras.layers.Normalization for kind in kinds)


def _variance_asked(kernel, relu):
    n_in, n_out = kernel.size / kernel.shape[-1], kernel.size / kernel.shape[-2]
    return 2 / n_in if relu else 2 / (n_in + n_out)


def _float64(tensor):
    return np.asarray(ops.convert_to_numpy(tensor), np.float64)

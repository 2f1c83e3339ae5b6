"""Layer-sequential unit variance."""

import contextlib

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Structure
from tf_tricks.errors import RequestError, check_number
from tf_tricks.initializers.walk import calls_replaced, kernel_of, layers_in
from tf_tricks.registry import card


@card("initializers", "lsuv")
def lsuv(
    model: keras.Model, batch: Structure, tolerance: float = 0.01, max_iterations: int = 10, seed: int | None = None
) -> dict[str, float]:
    """Scales each layer's weights so that its outputs have variance 1 on a batch.

    Layer-sequential unit variance, Mishkin & Matas 2016, arXiv:1511.06422. Every dense or convolutional kernel is made
    orthonormal; then, layer by layer in the order of computation, the variance of the layer's linear output z (before
    its activation, over examples and units) is measured on the batch, with all layers before it already scaled:

        W ← W / √Var(z), until |Var(z) − 1| ≤ tolerance

    It measures what a formula assumes, and so serves any activation, pooling or skip connection. Where biases are 0, as
    they are at first, one division is enough; biases are left as they are. In code, before training:
    `tf_tricks.initializers.lsuv(model, images[:256])`.

    Use it when a deep network without normalization has activations for which no formula is at hand.

    Avoid it when the network normalizes its activations anyway (batch normalization), or is a residual network, whose
    signal grows with every branch that has unit variance: see `fixup`.

    Args:
        model: a functional or `Sequential` model, or a model of such models; its kernels are replaced.
        batch: inputs of the model as in training, [batch, ...]; a few hundred examples.
        tolerance: how far from 1 the variance may be, above 0, default 0.01.
        max_iterations: the most divisions for one layer, an integer from 1, default 10.
        seed: of the orthonormal matrices, an integer or None.

    Returns:
        dict of the layer's name to the variance of its linear output, as last measured.

    Raises:
        RequestError: an argument cannot be used, or a layer's output does not vary or is not finite on the batch; the
            model is then as it was.

    Example:
        >>> import keras, numpy as np
        >>> layers = [keras.layers.Dense(32, activation="tanh", name=f"hidden_{i}") for i in range(3)]
        >>> model = keras.Sequential([keras.Input((16,)), *layers])
        >>> variances = lsuv(model, np.random.default_rng(0).normal(size=(64, 16)), seed=0)
        >>> {name: round(variance, 2) for name, variance in variances.items()}
        {'hidden_0': 1.0, 'hidden_1': 1.0, 'hidden_2': 1.0}
    """
    check_number("tolerance", tolerance, above=0)
    check_number("max_iterations", max_iterations, minimum=1, integer=True)
    if not model.built:
        model(batch)
    layers = {name: layer for name, layer in layers_in(model).items() if kernel_of(layer) is not None}
    if not layers:
        raise RequestError(f"lsuv scales the kernels of dense and convolutional layers, and {model.name!r} has none")

    # One generator for all layers: each draws other values.
    orthonormal = keras.initializers.Orthogonal(seed=keras.random.SeedGenerator(seed))
    names = {id(layer): name for name, layer in layers.items()}
    before = {name: ops.convert_to_numpy(kernel_of(layer)) for name, layer in layers.items()}
    variances = {}

    # One forward pass does it all: each layer is scaled when the pass arrives at it, and is then called as it now is.
    def scale_then_call(layer, call):
        def scaled_call(*args, **kwargs):
            name = names[id(layer)]
            if name not in variances:
                kernel_of(layer).assign(orthonormal(kernel_of(layer).shape))
                variances[name] = _scale(layer, call, args, kwargs, tolerance, max_iterations)
            return call(*args, **kwargs)

        return scaled_call

    with calls_replaced(layers.values(), scale_then_call):
        model(batch, training=False)

    wrong = [name for name, variance in variances.items() if not (np.isfinite(variance) and variance > 0)]
    if wrong:
        for name, layer in layers.items():
            kernel_of(layer).assign(before[name])
        raise RequestError(f"the variance of the output of {wrong[0]!r} is {variances[wrong[0]]} on this batch")
    return variances


def _scale(layer, call, args, kwargs, tolerance, max_iterations):
    kernel = kernel_of(layer)
    with _linear(layer):
        for iteration in range(max_iterations + 1):
            variance = float(np.var(np.asarray(ops.convert_to_numpy(call(*args, **kwargs)), np.float64)))
            good = abs(variance - 1) <= tolerance
            hopeless = not (np.isfinite(variance) and variance > 0)
            if good or hopeless or iteration == max_iterations:
                return variance
            kernel.assign(kernel / variance**0.5)


@contextlib.contextmanager
def _linear(layer):
    """Within it the layer has no activation."""
    activation = vars(layer).get("activation")
    if activation is None:
        yield
        return
    vars(layer)["activation"] = keras.activations.linear
    try:
        yield
    finally:
        vars(layer)["activation"] = activation

"""A look at how the signal goes through a network and the gradient comes back."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Structure
from tf_tricks.errors import RequestError
from tf_tricks.gradients import as_tensors, mean_loss, value_and_gradient, values_of
from tf_tricks.initializers.advice import activation_name, advice, is_measured, is_residual
from tf_tricks.initializers.report import LayerSignal, SignalReport, fitted_gain
from tf_tricks.initializers.walk import calls_replaced, kernel_of, layers_in
from tf_tricks.registry import card


@card("initializers", "signal_propagation")
def signal_propagation(
    model: keras.Model,
    batch: Structure,
    labels: Structure | None = None,
    loss: keras.losses.Loss | Callable[..., Any] | None = None,
) -> SignalReport:
    """Measures activations, gradients and dead units of every layer on one batch, and says what is wrong.

    For each layer with weights or an activation: mean and variance of its output over the examples and units, the
    variance of the gradient with respect to it, and the share of units that are 0 on the whole batch. Through the
    hidden layers l = 1, 2, … that hold a weight matrix (all but the last) a straight line is fitted by least squares,
    whose slope is the gain per layer g, for the activations going forward and for the gradient going backward:

        log (standard deviation at layer l) = constant ± l log g

    For ε·N(0, 1) weights and width n it is ε √n with tanh and ε √(n/2) with ReLU, both ways; initializations that train
    deep networks have g near 1 (Glorot & Bengio 2010; He et al. 2015, arXiv:1502.01852). In code:
    `print(tf_tricks.initializers.signal_propagation(model, images[:256]))`, or `.plot("signal.png")` of what it
    returns. The model runs as in training; its weights, moving statistics and seeds stay as they are.

    Use it when a network does not learn, before training or after some steps.

    Avoid it when the question is which weights change: it looks at activations. It does not see into layers that are
    made of layers, nor operations such as `keras.ops.relu`.

    Args:
        model: a `keras.Model`.
        batch: its inputs, [batch, ...]; 64 to 512 examples, as all activations are held at once.
        labels: what `loss` takes, [batch, ...]; or None, for which the gradient of the outputs is drawn from N(0, 1),
            so that the backward gain is that of the weights alone.
        loss: a `keras.losses.Loss`, or a function of labels and outputs; given together with `labels`. Gradients are of
            each example's own loss (the batch size times that of the mean), without the model's penalties.

    Returns:
        a `SignalReport`: `layers`, `forward_gain`, `backward_gain`, `diagnosis`, `table()`, `plot(path)`.

    Raises:
        RequestError: labels or loss is given without the other, or there is nothing to measure.

    Example:
        >>> import keras, numpy as np
        >>> def hidden(seed):
        ...     small = keras.initializers.RandomNormal(stddev=0.01, seed=seed)
        ...     return keras.layers.Dense(400, "tanh", kernel_initializer=small)
        >>> model = keras.Sequential([keras.Input((400,)), *map(hidden, range(5))])
        >>> report = signal_propagation(model, np.random.default_rng(0).normal(size=(64, 400)))
        >>> round(report.forward_gain, 1), 0.01 * 400**0.5
        (0.2, 0.2)
        >>> report.diagnosis.split(": ")[1]
        'use glorot_normal'
    """
    if (labels is None) != (loss is None):
        raise RequestError("labels and loss belong together: give both or neither")
    batch = as_tensors(batch)
    if not model.built:
        model(batch)
    layers = {name: layer for name, layer in layers_in(model).items() if is_measured(layer)}
    names, activations, gradients = _signals(model, layers, batch, labels, loss)
    if not names:
        raise RequestError(f"{model.name!r} has no layer with weights or an activation to measure")

    seen: dict[str, int]
    signals, seen = [], {}
    for name, activation, gradient in zip(names, activations, gradients):
        seen[name] = seen.get(name, 0) + 1
        label = name if seen[name] == 1 else f"{name} ({seen[name]})"
        with np.errstate(all="ignore"):  # What is not finite is part of the report.
            signals.append(_layer_signal(label, layers[name], activation, gradient))
    hidden = [signal for signal in signals if signal.has_matrix][:-1]
    forward_gain = fitted_gain([signal.variance for signal in hidden])
    return SignalReport(
        layers=tuple(signals),
        forward_gain=forward_gain,
        backward_gain=fitted_gain([signal.gradient_variance for signal in hidden], backward=True),
        advice=advice(model, layers.values(), forward_gain),
        residual=is_residual(model),
        finite_inputs=all(_is_finite(x) for x in keras.tree.flatten(batch)),
    )


def _signals(model, layers, batch, labels, loss):
    """Returns the name of the layer, its output and the gradient for it, for each call of a layer."""
    # The gradient for an output is that for a zero which is added to it: this serves every backend.
    names = {id(layer): name for name, layer in layers.items()}
    called = []

    def note(layer, call):
        def noted(*args, **kwargs):
            output = call(*args, **kwargs)
            if _is_float(output):
                called.append((names[id(layer)], output.shape, output.dtype))
            return output

        return noted

    with calls_replaced(layers.values(), note), keras.StatelessScope():
        outputs = model(batch, training=True)
    objective = _random_objective(outputs) if loss is None else _loss_objective(loss, as_tensors(labels))
    trainable, other = model.trainable_variables, model.non_trainable_variables

    def tapped_objective(taps, values, batch):
        taps, activations = iter(taps), []

        def add_tap(layer, call):
            def tapped(*args, **kwargs):
                output = call(*args, **kwargs)
                if not _is_float(output):
                    return output
                activations.append(output + next(taps))
                return activations[-1]

            return tapped

        with calls_replaced(layers.values(), add_tap), keras.StatelessScope(list(zip([*trainable, *other], values))):
            value = objective(model(batch, training=True))
        return value, activations

    taps = [ops.zeros(shape, dtype=keras.backend.standardize_dtype(dtype)) for _, shape, dtype in called]
    (_, activations), gradients = value_and_gradient(tapped_objective)(taps, values_of([*trainable, *other]), batch)
    examples = keras.tree.flatten(batch)[0].shape[0]
    return (
        [name for name, _, _ in called],
        [_float64(activation) for activation in activations],
        [examples * _float64(gradient) for gradient in gradients],
    )


def _loss_objective(loss, labels):
    return lambda outputs: mean_loss(loss, labels, outputs)


def _random_objective(outputs):
    # The mean over the examples of r·y with r from N(0, 1): the gradient of each example for its outputs y is r.
    random = np.random.default_rng(0)
    weights = keras.tree.map_structure(lambda y: random.normal(size=tuple(y.shape)).astype("float32"), outputs)

    def objective(outputs):
        products = keras.tree.map_structure(lambda y, r: ops.sum(ops.cast(y, "float32") * r), outputs, weights)
        examples = keras.tree.flatten(weights)[0].shape[0]
        return sum(keras.tree.flatten(products)) / examples

    return objective


def _layer_signal(label, layer, activation, gradient):
    channels_first = getattr(layer, "data_format", keras.config.image_data_format()) == "channels_first"
    units = 1 if channels_first and activation.ndim > 2 else activation.ndim - 1
    others = tuple(axis for axis in range(activation.ndim) if axis != units)
    return LayerSignal(
        name=label,
        mean=float(np.mean(activation)),
        variance=float(np.var(activation)),
        gradient_variance=float(np.var(gradient)),
        dead=float(np.mean(np.all(activation == 0, axis=others))),
        has_matrix=_is_matrix(layer),
        rectifies=activation_name(layer) in ("relu", "relu6") and not _kernel_is_zero(layer),
        alike=_are_alike(activation, units) and _are_alike(gradient, units),
    )


def _is_matrix(layer):
    # What a recurrent layer does to the signal is not told by its outputs; an embedding has no signal before it.
    others = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.Embedding)
    return not isinstance(layer, others) and any(len(weight.shape) >= 2 for weight in layer.weights)


def _kernel_is_zero(layer):
    kernel = kernel_of(layer)
    return kernel is not None and not np.any(ops.convert_to_numpy(kernel))


def _are_alike(values, units):
    """Returns whether all of several units have the same value on each example, but for rounding."""
    if values.shape[units] < 2:
        return False
    spread = np.max(np.ptp(values, axis=units), initial=0.0)
    return bool(spread <= 1e-5 * np.max(np.abs(values), initial=0.0))


def _is_finite(x):
    return not _is_float(x) or bool(np.isfinite(_float64(x)).all())


def _is_float(output):
    return hasattr(output, "dtype") and "float" in keras.backend.standardize_dtype(output.dtype)


def _float64(tensor):
    return np.asarray(ops.convert_to_numpy(tensor), np.float64)

"""Moving statistics of batch norm made anew for the weights that a model has now."""

import contextlib
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

from tf_tricks.errors import RequestError
from tf_tricks.registry import card
from tf_tricks.running_moments import RunningMoments
from tf_tricks.seeds import seed_states


@card("layers", "recompute_batch_norm")
def recompute_batch_norm(model: keras.Model, batches: Iterable[Any]) -> None:
    """Sets the moving mean and variance of every batch normalization in `model` to those over `batches`.

    Averaged weights (of an exponential moving average, of stochastic weight averaging, of several checkpoints) have
    never seen a batch: the moving statistics beside them belong to other weights, and accuracy collapses until they are
    made anew: Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization",
    arXiv:1803.05407, section 3.2. The model runs in training mode, dropout included, so the layers below each one
    normalize with their own batch's statistics, as when the weights were trained. With batches of n_i examples:

        mean = Σ n_i mean_i / n
        variance = Σ n_i (variance_i + (mean_i − mean)²) / n

    the law of total variance, added up in float64. For a layer of ghost batches variance_i is the mean of its groups'
    variances; for batch renormalization only the mean and the variance that inference uses are set.

    Nothing else changes: neither weights nor seed generators, metrics or other state. Layers that are frozen
    (`trainable=False`, or `frozen=True` of `tt.layers.BatchNormalization`) are left alone.

    Use it when weights have been averaged, or changed in any way after training, and the model has batch norm; call
    `recompute_batch_norm(model, batches)` on the model that holds those weights, before it is evaluated or saved.

    Avoid it when the moving statistics belong to the weights already, or the model has no batch norm (it then does
    nothing).

    Args:
        model: a built `keras.Model`.
        batches: an iterable of inputs [b, ...], or of tuples (inputs, labels, …), that comes to an end. Batches of the
            size of training are best; a few thousand examples are enough.

    Raises:
        RequestError: there are no batches, or the statistics come out as NaN or infinite.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.BatchNormalization()])
        >>> recompute_batch_norm(model, [np.array([[0.0], [2.0]]), np.array([[7.0]])])
        >>> [float(v.numpy()[0]) for v in model.non_trainable_variables] == [3.0, np.float32(26 / 3)]
        True
    """
    layers = [layer for layer in model._flatten_layers() if _has_moving_statistics(layer)]
    if not layers:
        return
    moments = [RunningMoments() for _ in layers]
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_only_this_batch(layer))
        _run(model, batches, layers, moments)
    for layer, moment in zip(layers, moments):
        if not (np.isfinite(moment.mean).all() and np.isfinite(moment.variance).all()):
            raise RequestError(f"the statistics of the layer {layer.name!r} are NaN or infinite: check model and data")
    for layer, moment in zip(layers, moments):
        layer.moving_mean.assign(moment.mean)
        layer.moving_variance.assign(moment.variance)
        if getattr(layer, "renorm", False):
            layer.moving_stddev.assign(np.sqrt(moment.variance + layer.epsilon))


def _has_moving_statistics(layer):
    frozen = not layer.trainable or getattr(layer, "frozen", False)
    return isinstance(layer, keras.layers.BatchNormalization) and not frozen


@contextlib.contextmanager
def _only_this_batch(layer):
    """With momentum 0 the moving statistics are those of the last batch."""
    momentum = layer.momentum
    layer.momentum = 0.0
    try:
        yield
    finally:
        layer.momentum = momentum


def _run(model, batches, layers, moments):
    states = seed_states(model)
    seeds = [state.value for state in states]
    # A statistic that is NaN would survive even the factor 0.
    zeros = [(v, np.zeros(v.shape, v.dtype)) for layer in layers for v in (layer.moving_mean, layer.moving_variance)]
    for batch in batches:
        inputs = batch[0] if isinstance(batch, tuple) else batch
        # All that the model assigns stays in the scope; dropout's seeds are handed on from batch to batch.
        scope = keras.StatelessScope(state_mapping=[*zip(states, seeds), *zeros])
        with scope:
            model(inputs, training=True)
        seeds = [scope.get_current_value(state) for state in states]
        for layer, moment in zip(layers, moments):
            mean, variance = (
                np.asarray(keras.ops.convert_to_numpy(scope.get_current_value(v)), "float64")
                for v in (layer.moving_mean, layer.moving_variance)
            )
            count = len(keras.tree.flatten(inputs)[0])
            moment.add(count, mean, count * variance)
    if not moments[0].count:
        raise RequestError("there must be at least one batch to recompute the statistics of batch norm from, not none")

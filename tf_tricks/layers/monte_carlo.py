"""Monte Carlo dropout: predictions with an uncertainty, from masks that stay random after training."""

import contextlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.layers.dropout import Dropout
from tf_tricks.registry import card, register
from tf_tricks.running_moments import RunningMoments
from tf_tricks.seeds import seed_states

# Keras's own whose argument `training` means nothing but "drop": recurrent layers have their own dropout inside. Other
# layers of which that is true declare `drops_in_training = True`.
_DROPPING_IN_KERAS = (
    keras.layers.Dropout,  # and its subclasses, such as SpatialDropout2D, our Dropout and StochasticDepth
    keras.layers.AlphaDropout,
    keras.layers.GaussianDropout,
    keras.layers.SimpleRNN,
    keras.layers.LSTM,
    keras.layers.GRU,
)


@register("layers", "monte_carlo_dropout", example={"rate": 0.2})
@keras.saving.register_keras_serializable("tf_tricks")
class MonteCarloDropout(Dropout):
    """Dropout that stays random at prediction, to show how sure the model is.

    A network trained with dropout before its weights approximates a Gaussian process; its predictions under random
    masks are samples of the posterior (Gal & Ghahramani 2016, arXiv:1506.02142). In training and at test alike:

        y = m x / (1 - p),   m = 0 with probability p = `rate`, else 1

    so that every call of the model, `predict` included, is one sample.

    Use it when every prediction of a saved model is to be random, wherever it is loaded.

    Avoid it when the model is to predict its mean as well: train it with `dropout`, and sample it with
    `monte_carlo_predict`, which needs no other model. Validation during training is noisy with this layer.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dropout=dict(name="monte_carlo_dropout", rate=0.2))

    Args:
        rate: p, the probability of dropping a unit, in [0, 1].
        noise_shape: shape of the mask, as in `dropout`.
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: the rate is not in [0, 1].

    Example:
        >>> import numpy as np
        >>> layer = MonteCarloDropout(0.5, seed=1)
        >>> sorted(np.unique(layer(np.ones((10, 10)), training=False)).tolist())
        [0.0, 2.0]
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **keywords
    ):
        super().__init__(rate, noise_shape=noise_shape, seed=seed, **keywords)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Returns the inputs, some of them dropped.

        Args:
            inputs: floats [b, ...].
            training: without effect.
        """
        return super().call(inputs, training=True)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        config = super().get_config()
        del config["scaling"]
        return config


@card("layers", "monte_carlo_predict")
def monte_carlo_predict(
    model: keras.Model, inputs: Structure, samples: int = 20, batch_size: int = 32
) -> tuple[Structure, Structure]:
    """Predicts several times under random dropout masks: the mean and the standard deviation.

    The spread of the predictions tells how sure the model is (Gal & Ghahramani 2016, arXiv:1506.02142). With T samples
    f_t(x), each under its own masks, it returns:

        mean = 1/T Σ f_t(x),   standard deviation = √(1/T Σ (f_t(x) - mean)²)

    Every layer that drops is random, in any Keras model: Keras's `Dropout`, `SpatialDropout`, `AlphaDropout` and
    `GaussianDropout`, the `dropout` of `SimpleRNN`, `LSTM`, `GRU` and of attention layers, and all of this package's.
    Not so dropout that other layers (`ConvLSTM2D`, `RNN` around a cell, your own) draw inside their own `call`. All
    else is as in `predict`: batch normalization uses its moving statistics, `GaussianNoise` is off. The model, the
    states of its seeds included, is left as it was, so a second call gives the same numbers. A config cannot name it:
    `mean, deviation = monte_carlo_predict(model, images)`.

    Use it when you want error bars on a regression, or to know which examples the model is unsure of; the mean over
    class probabilities is often better calibrated than one prediction.

    Avoid it when the model was trained without dropout (the spread would say nothing), or when a prediction must be
    cheap: it costs `samples` predictions. To logits apply the softmax inside the model: the mean of probabilities is
    not the softmax of the mean.

    Args:
        model: a built `keras.Model` with at least one layer that drops.
        inputs: an array [number of examples, ...], or a list, tuple or dict of such, as the model takes them.
        samples: T, the number of predictions for each example, from 1, default 20.
        batch_size: examples at a time, default 32.

    Returns:
        The pair (mean, standard deviation), each with the structure and the shapes of the model's outputs, float64.

    Raises:
        RequestError: the model has no layer that drops, the inputs are not arrays of equally many examples, or a number
            is not an integer from 1.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5, seed=1)])
        >>> mean, deviation = monte_carlo_predict(model, np.ones((2, 4)), samples=50)
        >>> bool(np.all(abs(mean - 1) < 0.6)), bool(np.all(abs(deviation - 1) < 0.2))
        (True, True)
    """
    check_number("samples", samples, minimum=1, integer=True)
    check_number("batch_size", batch_size, minimum=1, integer=True)
    sampler = sampler_of(model)
    seeds = seed_states(model)
    before = [keras.ops.convert_to_numpy(state) for state in seeds]
    try:
        parts = [
            _mean_and_deviation(sampler.predict_on_batch(batch) for _ in range(int(samples)))
            for batch in _batches(inputs, int(batch_size))
        ]
        return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *parts)
    finally:
        for state, value in zip(seeds, before):
            state.assign(value)


def sampler_of(model: keras.Model) -> keras.Model:
    """Returns a model that predicts as `model` does, its weights the same, but with every layer dropping that can.

    Args:
        model: a built `keras.Model`.

    Raises:
        RequestError: it has no layer that drops.
    """
    dropping = [layer for layer in model._flatten_layers() if _drops(layer)]
    if not dropping:
        raise RequestError(f"the model {model.name!r} has no layer that drops, so there is nothing to sample")
    return _Sampler(model, dropping)


def _batches(inputs, batch_size):
    sizes = {len(x) if hasattr(x, "shape") else None for x in keras.tree.flatten(inputs)}
    if len(sizes) != 1 or not next(iter(sizes)):
        raise RequestError(
            f"inputs must be arrays with the same number of examples, at least one, not {type(inputs).__name__} of "
            f"{sorted(map(str, sizes))} examples; of a dataset, give each batch"
        )
    for start in range(0, sizes.pop(), batch_size):
        yield keras.tree.map_structure(lambda x: x[start : start + batch_size], inputs)  # noqa: B023


class _Sampler(keras.Model):
    """The model with some of its layers in training mode; being another model, it has its own compiled functions."""

    def __init__(self, model, dropping):
        super().__init__(name="sampler")
        self.model = model
        self.dropping = dropping
        self.built = True
        self.jit_compile = model.jit_compile

    def call(self, inputs):
        with contextlib.ExitStack() as stack:
            for layer in self.dropping:
                stack.enter_context(_always_training(layer))
            return self.model(inputs, training=False)


@contextlib.contextmanager
def _always_training(layer):
    """Makes the layer's `call` get `training=True`, whatever its caller says."""
    call = layer.call

    def call_in_training(*inputs, **keywords):
        return call(*inputs, **(keywords | {"training": True}))

    # Past Keras's own __setattr__, which takes note of attributes for saving.
    vars(layer)["call"] = call_in_training
    try:
        yield
    finally:
        del vars(layer)["call"]


def _mean_and_deviation(draws):
    """Returns mean and standard deviation over all draws, which need not be held, for each of a model's outputs."""
    moments = None
    for draw in draws:
        values = [np.asarray(value, "float64") for value in keras.tree.flatten(draw)]
        moments = moments or [RunningMoments() for _ in values]
        for moment, value in zip(moments, values):
            moment.add(1, value.ravel(), np.zeros(value.size))
    means = [moment.mean.reshape(value.shape) for moment, value in zip(moments, values)]
    deviations = [np.sqrt(moment.variance).reshape(value.shape) for moment, value in zip(moments, values)]
    return keras.tree.pack_sequence_as(draw, means), keras.tree.pack_sequence_as(draw, deviations)


def _drops(layer):
    return isinstance(layer, _DROPPING_IN_KERAS) or getattr(layer, "drops_in_training", False)

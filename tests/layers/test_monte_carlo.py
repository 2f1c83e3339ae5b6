"""Monte Carlo dropout: a linear net's moments in closed form; only dropout is random; the model stays as it was."""

import itertools

import keras
import numpy as np
import pytest
from support.masks import assert_fraction, assert_independent, to_numpy

from tf_tricks.errors import RequestError
from tf_tricks.layers.drop_block import DropBlock2D
from tf_tricks.layers.drop_connect import DropConnectConv2D, DropConnectDense
from tf_tricks.layers.dropout import Dropout
from tf_tricks.layers.monte_carlo import MonteCarloDropout, monte_carlo_predict
from tf_tricks.layers.stochastic_depth import StochasticDepth

layers = keras.layers


def model_of(*parts, shape=(6,)):
    return keras.Sequential([keras.Input(shape), *parts])


def data(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_the_layer_is_random_at_prediction_too():
    layer = MonteCarloDropout(0.3, seed=1)
    masks = [to_numpy(layer(np.ones((100, 100)), training=training)) > 0 for training in (False, True, False)]
    for mask, other in itertools.pairwise(masks):
        assert_fraction(mask, 0.7)
        assert_independent(mask, other, 0.7)


def test_two_predictions_with_the_layer_differ():
    model = model_of(MonteCarloDropout(0.5, seed=1))
    one, other = (model.predict(np.ones((50, 6)), verbose=0) for _ in range(2))
    assert_independent(one > 0, other > 0, 0.5)


@pytest.mark.parametrize("rate", [0, 1])
def test_the_layer_at_the_ends_of_the_range(rate):
    np.testing.assert_array_equal(MonteCarloDropout(rate)(np.ones((2, 3))), np.full((2, 3), 1 - rate))


def test_the_configuration_has_no_scaling():
    assert "scaling" not in MonteCarloDropout(0.5).get_config()


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_mean_and_deviation_of_a_linear_net_are_those_of_the_binomial(rate):
    dense = layers.Dense(2)
    model, x, samples = model_of(Dropout(rate, seed=1), dense), data(4, 6), 1000
    mean, deviation = monte_carlo_predict(model, x, samples)
    kernel = to_numpy(dense.kernel)
    variance = rate / (1 - rate) * (x.astype("float64") ** 2 @ kernel**2)
    assert np.all(abs(mean - model.predict(x, verbose=0)) < 5 * np.sqrt(variance / samples))
    # The fourth moment of these sums is at most that of a single scaled Bernoulli number.
    assert np.all(abs(deviation**2 / variance - 1) < 5 * np.sqrt((1 / (rate * (1 - rate)) + 1) / samples))


def test_mean_and_deviation_are_those_of_the_samples():
    model, x = model_of(layers.Dropout(0.5, seed=3), layers.Dense(2)), data(5, 6)
    mean, deviation = monte_carlo_predict(model, x, samples=7)
    twin = model_of(MonteCarloDropout(0.5, seed=3), layers.Dense(2))
    twin.set_weights(model.get_weights())
    singles = np.stack([to_numpy(twin(x)) for _ in range(7)])
    if keras.config.backend() == "tensorflow":  # where our masks are Keras's
        np.testing.assert_allclose(mean, singles.mean(axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(deviation, singles.std(axis=0), rtol=1e-5, atol=1e-6)


DROPPING = [
    layers.Dropout(0.5),
    layers.SpatialDropout2D(0.5),
    layers.AlphaDropout(0.5),
    layers.GaussianDropout(0.5),
    Dropout(0.5, "test"),
    MonteCarloDropout(0.5),
    StochasticDepth(0.5),
    DropBlock2D(0.5, 2),
    DropConnectConv2D(3, 2, 0.5),
    DropConnectDense(3, 0.5),
]


@pytest.mark.parametrize("layer", DROPPING, ids=lambda layer: layer.name)
def test_every_layer_that_drops_is_random(layer):
    layer = type(layer).from_config(layer.get_config())
    _, deviation = monte_carlo_predict(model_of(layer, shape=(4, 4, 3)), data(3, 4, 4, 3), samples=8)
    assert deviation.max() > 0.1


@pytest.mark.parametrize("recurrent", [layers.LSTM, layers.GRU, layers.SimpleRNN])
def test_dropout_inside_recurrent_layers_is_random(recurrent):
    model = model_of(recurrent(4, dropout=0.5), shape=(3, 6))
    _, deviation = monte_carlo_predict(model, data(2, 3, 6), samples=5)
    assert deviation.max() > 0.01


def test_dropout_inside_attention_is_random():
    inputs = keras.Input((3, 6))
    model = keras.Model(inputs, layers.MultiHeadAttention(2, 4, dropout=0.5)(inputs, inputs))
    _, deviation = monte_carlo_predict(model, data(2, 3, 6), samples=5)
    assert deviation.max() > 0.01


class Subclassed(keras.Model):
    """Has a model inside, and says explicitly that `training` is False."""

    def __init__(self):
        super().__init__()
        self.block = model_of(layers.Dropout(0.5), layers.BatchNormalization())
        self.drop = layers.Dropout(0.5)
        self.dense = layers.Dense(1)

    def call(self, inputs, training=False):
        return self.dense(self.drop(self.block(inputs, training=training), training=training))


def test_a_subclassed_model_with_a_model_inside():
    model = Subclassed()
    model(data(2, 6))
    _, deviation = monte_carlo_predict(model, data(3, 6), samples=6)
    assert deviation.min() > 0


def everything():
    return model_of(
        layers.Dense(8),
        layers.BatchNormalization(),
        layers.GaussianNoise(0.5),
        layers.Dropout(0.0),
        Dropout(0.0),
        layers.Dense(2),
    )


def test_nothing_but_dropout_is_random():
    model, x = everything(), data(5, 6)
    mean, deviation = monte_carlo_predict(model, x, samples=3)
    np.testing.assert_array_equal(mean, model.predict(x, verbose=0).astype("float64"))
    np.testing.assert_array_equal(deviation, 0 * mean)


def test_batch_norm_uses_its_moving_statistics():
    model = model_of(layers.BatchNormalization(epsilon=0), layers.Dropout(0.0))
    mean, _ = monte_carlo_predict(model, data(5, 6) + 100, samples=2)
    np.testing.assert_allclose(mean, data(5, 6) + 100, rtol=1e-5)


def test_the_model_is_left_as_it_was():
    model = model_of(layers.BatchNormalization(), layers.Dropout(0.5), Dropout(0.5), MonteCarloDropout(0.5))
    model.predict(np.ones((2, 6)), verbose=0)
    seeds = [to_numpy(layer.seed_generator.state) for layer in model.layers[1:]]
    weights = model.get_weights()
    monte_carlo_predict(model, data(5, 6), samples=3)
    assert all("call" not in vars(layer) for layer in model.layers)
    for layer, before in zip(model.layers[1:], seeds):
        np.testing.assert_array_equal(to_numpy(layer.seed_generator.state), before)
    for value, before in zip(model.get_weights(), weights):
        np.testing.assert_array_equal(value, before)


def test_predictions_before_and_after_are_the_same():
    model, x = model_of(layers.Dropout(0.5), layers.Dense(2)), data(5, 6)
    before = model.predict(x, verbose=0)
    monte_carlo_predict(model, x, samples=3)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)


def test_training_goes_on_as_if_nothing_had_been_sampled():
    def train(sample):
        keras.utils.set_random_seed(0)
        model = model_of(layers.Dropout(0.5, seed=1), layers.Dense(1))
        model.compile("sgd", "mse")
        model.fit(data(16, 6), data(16, 1), verbose=0)
        if sample:
            monte_carlo_predict(model, data(5, 6), samples=2)
        model.fit(data(16, 6), data(16, 1), verbose=0)
        return model.get_weights()

    for one, other in zip(train(False), train(True), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_failure_leaves_the_model_as_it_was():
    model = model_of(layers.Dropout(0.5), layers.Dense(2))
    before = to_numpy(model.layers[0].seed_generator.state)
    with pytest.raises(ValueError, match="incompatible"):
        monte_carlo_predict(model, data(5, 7))
    assert "call" not in vars(model.layers[0])
    np.testing.assert_array_equal(to_numpy(model.layers[0].seed_generator.state), before)


def test_a_second_call_gives_the_same_numbers():
    model, x = model_of(layers.Dropout(0.5), layers.Dense(2)), data(5, 6)
    for one, other in zip(monte_carlo_predict(model, x, 3), monte_carlo_predict(model, x, 3)):
        np.testing.assert_array_equal(one, other)


def test_several_outputs_and_batches():
    inputs = keras.Input((6,))
    dropped = layers.Dropout(0.5)(inputs)
    model = keras.Model(inputs, {"a": dropped, "b": layers.Dense(2)(dropped)})
    mean, deviation = monte_carlo_predict(model, data(10, 6), samples=2, batch_size=4)
    assert {key: value.shape for key, value in mean.items()} == {"a": (10, 6), "b": (10, 2)}
    assert {key: value.shape for key, value in deviation.items()} == {"a": (10, 6), "b": (10, 2)}


def test_one_sample_has_no_deviation():
    _, deviation = monte_carlo_predict(model_of(layers.Dropout(0.5)), data(2, 6), samples=1)
    np.testing.assert_array_equal(deviation, np.zeros((2, 6)))


def test_half_precision():
    model = model_of(layers.Dropout(0.5, dtype="bfloat16"))
    mean, _ = monte_carlo_predict(model, data(2, 6), samples=2)
    assert mean.dtype == "float64"


def test_a_model_without_dropout_gets_a_sentence():
    with pytest.raises(RequestError, match="has no layer that drops"):
        monte_carlo_predict(model_of(layers.Dense(2)), data(2, 6))


def test_no_samples_get_a_sentence():
    with pytest.raises(RequestError, match="samples must be an integer at least 1"):
        monte_carlo_predict(model_of(layers.Dropout(0.5)), data(2, 6), samples=0)


@pytest.mark.parametrize("inputs", [[], np.zeros((0, 6)), [np.ones((2, 6)), np.ones((3, 6))], "images"])
def test_inputs_that_are_no_arrays_get_a_sentence(inputs):
    with pytest.raises(RequestError, match="inputs must be arrays with the same number of examples"):
        monte_carlo_predict(model_of(layers.Dropout(0.5)), inputs)

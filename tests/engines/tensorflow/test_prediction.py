"""Predictions are `keras.Model.predict`'s, every example once, on one device and on several."""

import keras
import numpy as np
import pytest
from keras import layers
from support import forked

import tf_tricks as tt
from tf_tricks.data import ArraySource
from tf_tricks.data.in_order import placed_in_order
from tf_tricks.engines.tensorflow.prediction import Prediction
from tf_tricks.errors import RunError

X = np.random.default_rng(0).normal(size=(37, 6)).astype("float32")


def two_outputs():
    inputs = keras.Input((6,))
    hidden = layers.BatchNormalization()(layers.Dense(8, "relu")(inputs))
    return keras.Model(inputs, {"b": layers.Dense(3)(hidden), "a": layers.Dense(1)(layers.Dropout(0.5)(hidden))})


def predicted(strategy, model, inputs, size=8):
    source = ArraySource(inputs, np.zeros(len(inputs)))
    predict = Prediction(strategy, model)
    parts = [predict(examples[0], start) for start, examples in placed_in_order(source, size)]
    outputs, masks = ([np.concatenate(each) for each in zip(*kind)] for kind in zip(*parts))
    return outputs, masks


@pytest.mark.parametrize("size", [1, 8, 37, 100])
def test_it_is_what_keras_predicts(size):
    model = two_outputs()
    (a, b), masks = predicted(tt.strategy("cpu"), model, X, size)
    expected = model.predict(X, verbose=0)
    np.testing.assert_allclose(a, expected["a"], atol=1e-6)
    np.testing.assert_allclose(b, expected["b"], atol=1e-6)
    assert [(mask.shape, mask.all()) for mask in masks] == [((37,), True)] * 2


def on_replicas(replicas):
    strategy = tt.strategy("cpu", replicas=replicas)
    keras.utils.set_random_seed(1)
    with strategy.scope():
        model = two_outputs()
    (a, b), _ = predicted(strategy, model, X)
    return a, b, model.predict(X, verbose=0)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 3])
def test_replicas_predict_each_example_once(replicas):
    a, b, expected = forked.call(on_replicas, replicas)
    np.testing.assert_allclose(a, expected["a"], atol=1e-6)
    np.testing.assert_allclose(b, expected["b"], atol=1e-6)


def test_masks_of_tokens_come_along():
    tokens = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [1, 1, 1, 1]])
    recurrent = [layers.Embedding(5, 3, mask_zero=True), layers.LSTM(2, return_sequences=True)]
    model = keras.Sequential([keras.Input((4,), dtype="int32"), *recurrent])
    (values,), (mask,) = predicted(tt.strategy("cpu"), model, tokens, 2)
    np.testing.assert_allclose(values, model.predict(tokens, verbose=0), atol=1e-6)
    np.testing.assert_array_equal(mask, tokens > 0)


def test_half_precision_comes_as_float32():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, dtype="mixed_bfloat16")])
    (values,), _ = predicted(tt.strategy("cpu"), model, X)
    assert values.dtype == "float32"


def test_what_is_drawn_depends_on_the_position():
    model = keras.Sequential([keras.Input((6,)), tt.layers.MonteCarloDropout(0.5, seed=1)])
    predict = Prediction(tt.strategy("cpu"), model)
    one, again, other = (predict(X, position)[0][0] for position in (3, 3, 2**32 + 3))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_a_layer_that_fails_is_told_in_a_sentence():
    class Failing(layers.Layer):
        def call(self, inputs):
            if inputs.shape[0] == 5:
                raise ValueError("not five")
            return inputs

    model = keras.Sequential([keras.Input((6,)), Failing()])
    with pytest.raises(RunError, match=r"prediction cannot be compiled.*: .*not five"):
        Prediction(tt.strategy("cpu"), model)(X[:5])

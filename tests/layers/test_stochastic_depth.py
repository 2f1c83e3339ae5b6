"""Stochastic depth: whole branches, for each example, in both conventions; rates that grow with depth."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from support.masks import assert_fraction, assert_independent, compiled, objective_outputs, to_numpy, with_one_mask

from tf_tricks.errors import RequestError
from tf_tricks.layers.stochastic_depth import StochasticDepth, linear_decay


@given(
    rate=st.floats(0.01, 0.99),
    seed=st.integers(0, 1000),
    scaling=st.sampled_from(["train", "test"]),
    shape=st.sampled_from([(6,), (6, 3), (6, 2, 3), (6, 4, 4, 2)]),
)
@settings(max_examples=20)
def test_training_is_one_factor_for_each_example(rate, seed, scaling, shape):
    x = np.random.default_rng(seed).normal(size=shape)
    ones, y = with_one_mask(StochasticDepth(rate, scaling, seed, dtype="float64"), np.ones(shape), x)
    kept = ones.reshape(6, -1)[:, 0] > 0
    factor = kept * (1 / (1 - rate) if scaling == "train" else 1.0)
    np.testing.assert_allclose(y, x * factor.reshape((6,) + (1,) * (len(shape) - 1)), rtol=1e-12)


@pytest.mark.parametrize(("scaling", "factor"), [("train", 1.0), ("test", 0.7)])
def test_at_test_time_it_is_a_factor(scaling, factor):
    x = np.random.default_rng(0).normal(size=(3, 4, 4, 2))
    np.testing.assert_allclose(StochasticDepth(0.3, scaling, dtype="float64")(x), factor * x, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_branches_are_dropped_at_the_rate(dtype):
    layer = StochasticDepth(0.05, seed=1, dtype=dtype)
    y = layer(ops.ones((20_000, 1, 1, 2), dtype), training=True)
    assert keras.backend.standardize_dtype(y.dtype) == dtype
    assert_fraction(to_numpy(y)[:, 0, 0, 0] == 0, 0.05)


def test_examples_and_calls_are_independent():
    layer = StochasticDepth(0.3, seed=1)
    first, second = (to_numpy(layer(np.ones((10_000, 2)), training=True))[:, 0] > 0 for _ in range(2))
    assert_independent(first, second, 0.7)
    assert_independent(first[1:], first[:-1], 0.7)


def test_the_same_seed_gives_the_same_masks():
    one, other = (StochasticDepth(0.5, seed=3)(np.ones((100, 2)), training=True) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("scaling", ["train", "test"])
def test_rate_zero_keeps_and_rate_one_drops_all(scaling):
    x = np.ones((5, 3), "float32")
    np.testing.assert_array_equal(StochasticDepth(0, scaling)(x, training=True), x)
    np.testing.assert_array_equal(StochasticDepth(1, scaling)(x, training=True), 0 * x)


def test_a_batch_of_one_is_kept_or_dropped_whole():
    layer = StochasticDepth(0.5, seed=1)
    kept = [to_numpy(layer(np.ones((1, 3, 3)), training=True)) for _ in range(40)]
    assert {tuple(np.unique(y)) for y in kept} == {(0.0,), (2.0,)}


def test_a_dropped_branch_gets_no_gradient():
    import tensorflow as tf

    x = tf.ones((50, 3))
    layer = StochasticDepth(0.5, seed=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(tape.gradient(y, x), y)  # of y = factor · x at x = 1 it is the factor


def test_under_xla():
    y = compiled(StochasticDepth(0.3, seed=1))(ops.ones((5000, 2, 2))).numpy()
    assert_fraction(y[:, 0, 0] == 0, 0.3)
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))


def test_micro_batches_of_the_trainer_have_their_own_masks():
    one, again, other = objective_outputs(StochasticDepth(0.5), (1000, 1), [0, 0, 1000])
    np.testing.assert_array_equal(one, again)
    assert_independent(one > 0, other > 0, 0.5)


def test_the_configuration_has_no_noise_shape():
    config = StochasticDepth(0.2, "test", seed=1).get_config()
    assert {"rate": 0.2, "scaling": "test", "seed": 1}.items() <= config.items()
    assert "noise_shape" not in config


@given(final=st.floats(0, 1), num_layers=st.integers(1, 200))
@settings(max_examples=20)
def test_linear_decay_of_survival_is_the_papers(final, num_layers):
    for layer in range(num_layers + 1):
        survival = 1 - layer / num_layers * (1 - (1 - final))  # equation 4
        assert 1 - linear_decay(final, layer, num_layers) == pytest.approx(survival, abs=1e-12)


@pytest.mark.parametrize("arguments", [(1.5, 1, 2), (0.5, 3, 2), (0.5, -1, 2), (0.5, 0.5, 2), (0.5, 0, 0)])
def test_numbers_out_of_range_get_a_sentence(arguments):
    with pytest.raises(RequestError, match="must be"):
        linear_decay(*arguments)

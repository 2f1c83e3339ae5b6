"""Keras's random layers do what their cards say."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.masks import assert_fraction, assert_independent, compiled, objective_outputs, to_numpy, with_one_mask

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import snake_case
from tf_tricks.layers import from_keras_random as kerass

MAKERS = {
    "SpatialDropout1D": kerass.spatial_dropout1d,
    "SpatialDropout2D": kerass.spatial_dropout2d,
    "GaussianDropout": kerass.gaussian_dropout,
    "GaussianNoise": kerass.gaussian_noise,
    "AlphaDropout": kerass.alpha_dropout,
}
SHAPES = {"SpatialDropout1D": (20, 5, 30), "SpatialDropout2D": (20, 3, 5, 30)}


def test_the_function_makes_kerass_layer_under_kerass_name():
    for name in MAKERS:
        assert type(MAKERS[name](0.25)) is getattr(keras.layers, name)
        assert MAKERS[name].__name__ == snake_case(name)


def test_arguments_reach_the_layer():
    for name in MAKERS:
        layer = MAKERS[name](0.25, seed=3, name="mine", dtype="float64")
        assert (layer.seed, layer.name, layer.dtype) == (3, "mine", "float64")


def test_arguments_of_some_layers_reach_them():
    assert kerass.alpha_dropout(0.1, noise_shape=(None, 1)).noise_shape == (None, 1)
    assert kerass.spatial_dropout2d(0.1, data_format="channels_first").data_format == "channels_first"


def test_at_test_time_and_at_zero_it_is_the_identity():
    for name in MAKERS:
        x = np.random.default_rng(0).normal(size=SHAPES.get(name, (20, 30))).astype("float32")
        np.testing.assert_array_equal(MAKERS[name](0.25)(x), x)
        np.testing.assert_array_equal(MAKERS[name](0.0)(x, training=True), x)


@pytest.mark.parametrize("name", MAKERS)
def test_seeds_give_the_same_numbers_and_calls_give_others(name):
    x = np.ones(SHAPES.get(name, (20, 30)))
    one, other = MAKERS[name](0.25, seed=3), MAKERS[name](0.25, seed=3)
    first = to_numpy(one(x, training=True))
    np.testing.assert_array_equal(first, to_numpy(other(x, training=True)))
    assert np.any(first != to_numpy(one(x, training=True)))


@given(rate=st.floats(0.05, 0.95), seed=st.integers(0, 1000), name=st.sampled_from(list(SHAPES)))
@settings(max_examples=20)
def test_spatial_dropout_is_one_factor_for_each_example_and_channel(rate, seed, name):
    x = np.random.default_rng(seed).normal(size=SHAPES[name])
    ones, y = with_one_mask(MAKERS[name](rate, seed=seed, dtype="float64"), np.ones_like(x), x)
    kept = ones.reshape(20, -1, 30)[:, 0] > 0
    factor = (kept / (1 - rate)).reshape((20,) + (1,) * (x.ndim - 2) + (30,))
    np.testing.assert_allclose(y, x * factor, rtol=1e-12)


@pytest.mark.parametrize("name", SHAPES)
def test_channels_are_dropped_at_the_rate_and_independently(name):
    (y,) = with_one_mask(MAKERS[name](0.3, seed=1), np.ones((100, *SHAPES[name][1:-1], 100)))
    kept = y.reshape(100, -1, 100)[:, 0] > 0
    assert_fraction(kept, 0.7)
    assert_independent(kept[1:], kept[:-1], 0.7)
    assert_independent(kept[:, 1:], kept[:, :-1], 0.7)


@given(rate=st.floats(0.05, 0.9), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_gaussian_dropout_has_the_moments_of_dropout(rate, seed):
    x = np.random.default_rng(seed).normal(size=(50, 200))
    noise, y = with_one_mask(kerass.gaussian_dropout(rate, seed=seed, dtype="float64"), np.ones_like(x), x)
    np.testing.assert_allclose(y, x * noise, rtol=1e-12)
    variance = rate / (1 - rate)
    assert abs(noise.mean() - 1) < 5 * np.sqrt(variance / noise.size)
    assert abs(noise.var() / variance - 1) < 5 * np.sqrt(2 / noise.size)


@given(stddev=st.floats(0.01, 1), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_gaussian_noise_has_mean_zero_and_its_standard_deviation(stddev, seed):
    x = np.random.default_rng(seed).normal(size=(50, 200))
    noise, y = with_one_mask(kerass.gaussian_noise(stddev, seed=seed, dtype="float64"), np.zeros_like(x), x)
    np.testing.assert_allclose(y, x + noise, rtol=1e-9, atol=1e-12)
    assert abs(noise.mean()) < 5 * stddev / np.sqrt(noise.size)
    assert abs(noise.var() / stddev**2 - 1) < 5 * np.sqrt(2 / noise.size)


@given(rate=st.floats(0.05, 0.95), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_alpha_dropout_is_the_papers_affine_map(rate, seed):
    x = np.random.default_rng(seed).normal(size=(5, 7))
    low = -1.0507009873554805 * 1.6732632423543772
    keep = 1 - rate
    a = (keep + low**2 * keep * (1 - keep)) ** -0.5
    b = -a * (1 - keep) * low
    layer = kerass.alpha_dropout(rate, seed=seed, dtype="float64")
    large, y = with_one_mask(layer, np.full_like(x, 100.0), x)
    expected = a * np.where(large > 50 * a, x, low) + b
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-9)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.default_rng(0).normal(size=(300, 300))
    y = to_numpy(kerass.alpha_dropout(0.1, seed=1)(x, training=True))
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03


def test_half_precision():
    for name in MAKERS:
        for dtype in ("float16", "bfloat16"):
            y = MAKERS[name](0.25, seed=1, dtype=dtype)(
                np.ones(SHAPES.get(name, (20, 30)), dtype="float16"), training=True
            )
            assert keras.backend.standardize_dtype(y.dtype) == dtype
            assert np.all(np.isfinite(to_numpy(y)))


def test_under_xla():
    for name in MAKERS:
        x = np.ones(SHAPES.get(name, (20, 30)), "float32")
        y = compiled(MAKERS[name](0.25, seed=1))(x).numpy()
        assert y.shape == x.shape
        assert np.std(y) > 0.1


@pytest.mark.parametrize("name", MAKERS)
def test_micro_batches_of_the_trainer_have_their_own_noise(name):
    one, again, other = objective_outputs(MAKERS[name](0.25), SHAPES.get(name, (20, 30)), [0, 0, 20])
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)


def test_rate_one_gets_a_sentence_where_keras_fails_in_training():
    for name in MAKERS.keys() - {"GaussianNoise"}:
        with pytest.raises(RequestError, match="rate must be a number at least 0 and below 1, not 1"):
            MAKERS[name](1)


def test_a_number_out_of_range_gets_a_sentence():
    for name in MAKERS:
        with pytest.raises(RequestError, match="must be a number at least 0 and at most 1"):
            MAKERS[name](1.5)


@pytest.mark.parametrize("name", ["gaussian_dropout", "gaussian_noise", "alpha_dropout"])
def test_a_config_may_say_what_every_layer_takes(name):
    amount = "stddev" if name == "gaussian_noise" else "rate"
    layer = tt.layers.get({"name": name, amount: 0.1, "dtype": "float64"})
    assert layer.compute_dtype == "float64"

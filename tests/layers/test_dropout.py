"""Dropout: the two conventions, their means, and masks that are right in every precision."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from support.masks import assert_fraction, assert_independent, compiled, objective_outputs, to_numpy, with_one_mask

from tf_tricks.errors import RequestError
from tf_tricks.layers.dropout import Dropout, keep_mask


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@given(rate=st.floats(0.01, 0.99), seed=st.integers(0, 1000), scaling=st.sampled_from(["train", "test"]))
@settings(max_examples=20)
def test_training_is_the_mask_times_the_inputs_times_the_factor(rate, seed, scaling):
    layer, x = Dropout(rate, scaling, seed=seed, dtype="float64"), random(5, 7, seed=seed)
    ones, y = with_one_mask(layer, np.ones((5, 7)), x)
    factor = 1 / (1 - rate) if scaling == "train" else 1.0
    np.testing.assert_allclose(y, (ones > 0) * x * factor, rtol=1e-12)


@given(rate=st.floats(0, 1), seed=st.integers(0, 1000))
@settings(max_examples=20)
def test_at_test_time_units_are_multiplied_by_the_probability_of_keeping(rate, seed):
    x = random(3, 4, seed=seed)
    np.testing.assert_allclose(Dropout(rate, "test", dtype="float64")(x), x * (1 - rate), rtol=1e-12)
    np.testing.assert_array_equal(Dropout(rate, "train", dtype="float64")(x), x)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_mean_over_masks_is_the_test_output(rate):
    for scaling in ("train", "test"):
        layer = Dropout(rate, scaling, seed=1)
        ones = np.ones((200, 500), "float32")
        training, test = to_numpy(layer(ones, training=True)), to_numpy(layer(ones))
        assert abs(training.mean() - test.mean()) < 5 * training.std() / np.sqrt(training.size)


# In bfloat16 Keras's Dropout drops 0.0157 instead of 0.01 on TensorFlow.
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_the_rate_is_right_in_every_precision(dtype, rate):
    (y,) = with_one_mask(Dropout(rate, seed=2, dtype=dtype), np.ones((300, 1000)))
    assert_fraction(y == 0, rate)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("scaling", ["train", "test"])
def test_half_precision_stays_half_precision(dtype, scaling):
    layer, x = Dropout(0.3, scaling, seed=2, dtype=dtype), ops.ones((4, 5), dtype)
    for training in (False, True):
        y = layer(x, training=training)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        in_float32 = Dropout(0.3, scaling, seed=2)(np.ones((4, 5)), training=training)
        np.testing.assert_allclose(to_numpy(y), to_numpy(in_float32), rtol=2**-7)


def test_masks_are_kerass_own_where_keras_is_right():
    if keras.config.backend() == "tensorflow":
        x = random(20, 30).astype("float32")
        ours, kerass = (layer(x, training=True) for layer in (Dropout(0.3, seed=5), keras.layers.Dropout(0.3, seed=5)))
        np.testing.assert_allclose(ours, kerass, rtol=1e-6)


@pytest.mark.parametrize("scaling", ["train", "test"])
def test_rate_zero_is_the_identity(scaling):
    x = random(3, 4).astype("float32")
    layer = Dropout(0, scaling)
    np.testing.assert_array_equal(layer(x, training=True), x)
    np.testing.assert_array_equal(layer(x), x)


@pytest.mark.parametrize("scaling", ["train", "test"])
def test_rate_one_gives_zeros(scaling):
    np.testing.assert_array_equal(
        Dropout(1, scaling)(np.full((3, 4), 1e30, "float32"), training=True), np.zeros((3, 4))
    )


def test_a_batch_of_one():
    (y,) = with_one_mask(Dropout(0.5, seed=1), np.ones((1, 1000)))
    assert_fraction(y > 0, 0.5)


def test_a_dropped_unit_hides_what_it_held():
    (y,) = with_one_mask(Dropout(0.5, seed=1), np.full((4, 100), np.nan))
    assert_fraction(y == 0, 0.5)


def test_the_same_seed_gives_the_same_masks():
    x = np.ones((10, 100))
    one, other = Dropout(0.5, seed=7), Dropout(0.5, seed=7)
    for _ in range(3):
        np.testing.assert_array_equal(one(x, training=True), other(x, training=True))


def test_calls_examples_and_units_are_independent():
    layer = Dropout(0.3, seed=7)
    first, second = (to_numpy(layer(np.ones((200, 200)), training=True)) > 0 for _ in range(2))
    assert_independent(first, second, 0.7)
    assert_independent(first[1:], first[:-1], 0.7)
    assert_independent(first[:, 1:], first[:, :-1], 0.7)


def test_a_noise_shape_shares_the_mask():
    (y,) = with_one_mask(Dropout(0.5, noise_shape=(None, 1, None), seed=1), np.ones((20, 3, 50)))
    np.testing.assert_array_equal(y, np.repeat(y[:, :1], 3, axis=1))
    assert_fraction(y[:, 0] > 0, 0.5)


def test_the_batch_may_be_of_unknown_size():
    import tensorflow as tf

    layer = Dropout(0.5, "test", noise_shape=(None, None, 1))
    call = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, 3, 4])])
    assert call.get_concrete_function().output_shapes.as_list() == [None, 3, 4]
    assert call(tf.ones((5, 3, 4))).shape == (5, 3, 4)


@pytest.mark.parametrize("scaling", ["train", "test"])
def test_under_xla(scaling):
    y = compiled(Dropout(0.3, scaling, seed=1))(ops.ones((100, 100))).numpy()
    assert_fraction(y == 0, 0.3)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7 if scaling == "train" else 1], rtol=1e-6)


def test_micro_batches_of_the_trainer_have_their_own_masks():
    one, again, other = objective_outputs(Dropout(0.3, "test"), (4, 1000), [8, 8, 12])
    np.testing.assert_array_equal(one, again)
    assert_independent(one > 0, other > 0, 0.7)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), "0.5", None, True])
def test_a_rate_out_of_range_gets_a_sentence(rate):
    with pytest.raises(RequestError, match="rate must be a number at least 0 and at most 1"):
        Dropout(rate)


def test_an_unknown_scaling_gets_a_sentence():
    with pytest.raises(RequestError, match="there is no scaling 'tests'; did you mean 'test'"):
        Dropout(0.5, "tests")


def test_a_noise_shape_that_does_not_fit_gets_a_sentence():
    with pytest.raises(RequestError, match="noise_shape must have 2 entries"):
        Dropout(0.5, noise_shape=(None, 1, 1))(np.ones((2, 3)), training=True)


def test_keep_mask_takes_an_int_as_seed():
    np.testing.assert_array_equal(keep_mask((100,), 0.5, seed=3), keep_mask((100,), 0.5, seed=3))

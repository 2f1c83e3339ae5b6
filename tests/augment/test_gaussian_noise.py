"""Gaussian noise: its mean and variance, and its invariances."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import augment
from tf_tricks.augment import GaussianNoise
from tf_tricks.errors import RequestError

SEED = 7
POSITIONS = np.arange(100, 148)


def pictures(shape=(9, 7, 3), dtype="uint8", number=48):
    return np.random.RandomState(0).randint(1, 256, (number, *shape)).astype(dtype)


@pytest.mark.parametrize("value_range", [(0, 1), (-2, 2)])
def test_mean_and_deviation_are_those_of_the_range(value_range):
    middle, span = sum(value_range) / 2, value_range[1] - value_range[0]
    images = np.full((64, 16, 16, 3), middle, "float32")
    noisy = GaussianNoise(0.1, value_range=value_range)(images, seed=SEED, positions=np.arange(64))
    noise = (np.asarray(noisy) - middle) / span
    assert abs(noise.mean()) < 4 * 0.1 / noise.size**0.5
    assert abs(noise.std() - 0.1) < 4 * 0.1 / (2 * noise.size) ** 0.5


def test_a_pair_gives_each_example_its_own_deviation():
    images = np.full((200, 32, 32, 3), 0.5, "float32")
    layer = GaussianNoise((0.01, 0.05), value_range=(0, 1))
    deviations = np.asarray(layer(images, seed=SEED, positions=np.arange(200))).std(axis=(1, 2, 3))
    assert 0.009 < deviations.min() < 0.012 < 0.048 < deviations.max() < 0.052
    assert abs(deviations.mean() - 0.03) < 4 * 0.04 / 12**0.5 / 200**0.5


def test_uint8_is_rounded_and_cut_like_floats():
    images = pictures()
    floats = GaussianNoise(0.2)(images.astype("float32"), seed=SEED, positions=POSITIONS)
    noisy = np.asarray(GaussianNoise(0.2)(images, seed=SEED, positions=POSITIONS))
    assert noisy.dtype == np.uint8
    np.testing.assert_array_equal(noisy, np.round(np.asarray(floats)))
    assert (np.asarray(floats).min(), np.asarray(floats).max()) == (0, 255)


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32"])
def test_compiled_by_xla_it_gives_the_same(dtype):
    layer, images = GaussianNoise((0, 0.2)), pictures(dtype=dtype)
    compiled = tf.function(lambda x, k: layer(x, seed=SEED, positions=k), jit_compile=True)(images, POSITIONS)
    noisy = np.asarray(layer(images, seed=SEED, positions=POSITIONS))
    assert noisy.dtype == images.dtype
    bound = {"uint8": 1, "float16": 0.125, "float32": 255e-5}[dtype]
    difference = np.abs(np.asarray(compiled).astype("float64") - noisy)
    assert difference.max() <= bound
    assert (difference > 1e-3).mean() < 1e-3


@given(start=st.integers(0, 47), size=st.integers(1, 48))
@settings(max_examples=20)
def test_an_example_gets_its_noise_in_any_batch(start, size):
    layer, part = GaussianNoise(), slice(start, start + size)
    whole = layer(pictures(), seed=SEED, positions=POSITIONS)
    np.testing.assert_array_equal(layer(pictures()[part], seed=SEED, positions=POSITIONS[part]), whole[part])


def test_an_unknown_batch_size_is_possible():
    spec = tf.TensorSpec([None, 9, 7, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    layer = GaussianNoise()
    graph = tf.function(lambda x, k: layer(x, seed=SEED, positions=k), input_signature=spec)
    np.testing.assert_array_equal(graph(pictures(), POSITIONS), layer(pictures(), seed=SEED, positions=POSITIONS))


def test_no_deviation_changes_nothing():
    np.testing.assert_array_equal(GaussianNoise(0)(pictures(), seed=SEED, positions=POSITIONS), pictures())


def test_its_config_makes_it_again():
    made = GaussianNoise((0.1, 0.2), value_range=(0, 1), seed=3)
    assert GaussianNoise.from_config(made.get_config()).get_config() == made.get_config()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"stddev": -0.1}, "stddev must be a number at least 0 and at most 1, not -0.1"),
        ({"stddev": 25}, "stddev must be a number at least 0 and at most 1, not 25"),
        ({"stddev": (0.2, 0.1)}, "stddev must be (low, high) with low at most high, not (0.2, 0.1)"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError) as caught:
        augment.get({"name": "gaussian_noise", **arguments})
    assert str(caught.value) == sentence


def test_floats_out_of_range_get_a_sentence():
    with pytest.raises(RequestError, match=r"GaussianNoise takes floats from 0 to 1 \(value_range\)"):
        GaussianNoise(value_range=(0, 1))(pictures(dtype="float32"), seed=SEED, positions=POSITIONS)

"""Mean and variance against NumPy on the whole array."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.data import ArraySource
from tf_tricks.data.standardize import mean_and_variance


def source(inputs):
    return ArraySource(inputs, np.zeros(len(inputs), int))


@given(number=st.integers(1, 40), chunk=st.integers(1, 50), channels=st.integers(1, 3))
@settings(max_examples=20)
def test_images_are_gathered_channel_by_channel_in_any_chunks(number, chunk, channels):
    images = np.random.RandomState(number).randint(0, 256, (number, 3, 2, channels)).astype("uint8")
    mean, variance = mean_and_variance(source(images), chunk)
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(variance, images.var(axis=(0, 1, 2)), rtol=1e-10, atol=1e-10)


def test_vectors_are_gathered_feature_by_feature():
    vectors = np.random.RandomState(0).standard_normal((30, 4)).astype("float32") * [1, 10, 100, 1000]
    mean, variance = mean_and_variance(source(vectors), chunk=7)
    exact = vectors.astype("float32").astype("float64")
    np.testing.assert_allclose(mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, exact.var(axis=0), rtol=1e-10)


def test_a_mean_far_from_zero_costs_no_digits():
    vectors = (1e6 + np.random.RandomState(0).randint(-1, 2, (1000, 1))).astype("float32")
    _, variance = mean_and_variance(source(vectors), chunk=10)
    np.testing.assert_allclose(variance, vectors.astype("float64").var(axis=0), rtol=1e-10)


@pytest.mark.parametrize("value", [0, 0.1, 255])
def test_a_constant_channel_has_variance_zero(value):
    mean, variance = mean_and_variance(source(np.full((30, 2, 2, 1), value, "float32")), chunk=7)
    assert (mean, variance) == ([pytest.approx(value)], [0.0])


def test_only_the_sources_own_examples_count():
    assert mean_and_variance(source(np.array([[0.0], [2.0], [100.0]])).subset([0, 1])) == ([1.0], [1.0])


def test_the_results_are_plain_floats():
    mean, variance = mean_and_variance(source(np.zeros((3, 2), "float32")))
    assert {type(value) for value in mean + variance} == {float}

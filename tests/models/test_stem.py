import keras
import numpy as np
import pytest

from tf_tricks.models.stem import standardized_input

POLICIES = ["float32", "mixed_bfloat16", "mixed_float16"]


def standardize(x, mean, variance):
    inputs, outputs = standardized_input(x.shape[1:], str(x.dtype), mean, variance)
    return keras.Model(inputs, outputs).predict(x, verbose=0)


@pytest.fixture
def dtype_policy():
    before = keras.config.dtype_policy()
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("policy", POLICIES)
def test_images_get_mean_0_and_variance_1(policy, dtype_policy):
    dtype_policy(policy)
    x = np.random.default_rng(0).integers(0, 256, (50, 4, 4, 3), "uint8")
    y = standardize(x, x.mean((0, 1, 2)), x.var((0, 1, 2)))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.mean((0, 1, 2), np.float64), 0, atol=1e-6)
    np.testing.assert_allclose(y.var((0, 1, 2), np.float64), 1, atol=1e-6)


@pytest.mark.parametrize("policy", POLICIES)
def test_features_outside_float16_are_standardized(policy, dtype_policy):
    dtype_policy(policy)
    x = (np.random.default_rng(0).normal(size=(100, 2)) * [1e5, 0.1] + [1e6, 20]).astype("float32")
    mean, variance = x.mean(0, np.float64), x.var(0, np.float64)
    np.testing.assert_allclose(standardize(x, mean, variance), (x - mean) / np.sqrt(variance), atol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, 1000.1, -3e8])
def test_constant_features_give_0(value):
    x = np.full((7, 1), value, "float32")
    # The mean as it comes out of a sum in float32 is off by a rounding error.
    mean = x.mean(0) * np.float32(1 + 1e-7)
    np.testing.assert_allclose(standardize(x, mean, np.zeros(1)), 0, atol=1e-6)


def test_a_constant_feature_that_changes_later_stays_finite():
    y = standardize(np.array([[0.0], [255.0]], "float32"), [0.0], [0.0])
    np.testing.assert_array_equal(y, [[0.0], [255.0]])


def test_without_mean_and_variance_values_stay_as_they_are():
    x = np.array([[0, 255, 3]], "uint8")
    y = standardize(x, None, None)
    assert y.dtype == np.float32
    np.testing.assert_array_equal(y, x)

"""Fixup's scalars."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.layers import ScalarBias, ScalarMultiplier


@settings(max_examples=20)
@given(
    value=st.floats(-3, 3, width=32), seed=st.integers(0, 999), shape=st.sampled_from([(1, 1), (3, 4), (2, 5, 5, 3)])
)
def test_against_numpy(value, seed, shape):
    x = np.random.default_rng(seed).normal(size=shape).astype("float32")
    bias, multiplier = ScalarBias(), ScalarMultiplier()
    bias.build(shape)
    multiplier.build(shape)
    bias.bias.assign(value)
    multiplier.multiplier.assign(value)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(bias(x)), x + value, atol=1e-6)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(multiplier(x)), x * value, atol=1e-6)


@pytest.mark.parametrize("layer", [ScalarBias, ScalarMultiplier])
def test_at_first_they_do_nothing(layer):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer()(x)), x)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
@pytest.mark.parametrize("layer", [ScalarBias, ScalarMultiplier])
def test_dtype_policies(layer, policy):
    made = layer(dtype=policy)
    outputs = made(np.ones((2, 3), "float32"))
    expected = "float32" if keras.config.backend() == "jax" and policy == "float64" else made.compute_dtype
    assert keras.backend.standardize_dtype(outputs.dtype) == expected
    assert outputs.shape == made.compute_output_shape((2, 3))

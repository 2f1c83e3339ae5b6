"""Orthogonal weights: lengths are kept."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.initializers import orthogonal


@settings(max_examples=20)
@given(
    n_in=st.integers(1, 40), n_out=st.integers(1, 40), gain=st.sampled_from([0.5, 1, 1.414]), seed=st.integers(0, 99)
)
def test_all_singular_values_are_the_gain(n_in, n_out, gain, seed):
    weights = keras.ops.convert_to_numpy(orthogonal(gain, seed)((n_in, n_out)))
    np.testing.assert_allclose(np.linalg.svd(weights, compute_uv=False), gain, rtol=1e-5)


def test_a_convolution_is_a_matrix_of_patches():
    weights = keras.ops.convert_to_numpy(orthogonal(seed=0)((3, 3, 4, 8))).reshape(36, 8)
    np.testing.assert_allclose(weights.T @ weights, np.eye(8), atol=1e-6)


def test_it_is_keras_own():
    assert type(orthogonal()) is keras.initializers.Orthogonal


@pytest.mark.parametrize("gain", [0, -1, None])
def test_a_gain_that_cannot_be(gain):
    with pytest.raises(RequestError, match="gain must be a number above 0"):
        orthogonal(gain)

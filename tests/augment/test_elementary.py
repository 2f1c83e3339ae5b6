"""The elementary functions give each number the same whatever number of others there is beside it."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.augment.functional import elementary

NUMBERS = np.random.default_rng(0).uniform(0.01, 3.0, 960).astype("float32")

every = pytest.mark.parametrize("name", ["exp", "log", "log1p", "cos", "sin"])


@every
def test_values(name):
    np.testing.assert_allclose(getattr(elementary, name)(NUMBERS), getattr(np, name)(NUMBERS.astype(float)), atol=1e-6)


@every
@pytest.mark.parametrize("size", [1, 2, 6, 10])
@pytest.mark.parametrize("size_is_known", [True, False])
def test_in_a_batch_of_any_size(name, size, size_is_known):
    function, spec = getattr(elementary, name), tf.TensorSpec([size if size_is_known else None], "float32")
    by_parts = tf.function(function, input_signature=[spec])
    parts = [by_parts(NUMBERS[i : i + size]).numpy() for i in range(0, 960, size)]
    np.testing.assert_array_equal(np.concatenate(parts), function(NUMBERS))

"""Mixup against its formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.augment import Mixup

SEED = 7


def mixed(images, alpha=1.0, start=0):
    """Images and λ: with a class for each example, the label shows its weight."""
    number = len(images)
    layer = Mixup(alpha, num_classes=number)
    images, labels = layer(images, np.arange(number), seed=SEED, positions=np.arange(start, start + number))
    return np.asarray(images), np.diagonal(np.asarray(labels))


@given(start=st.integers(0, 2**40), alpha=st.floats(0.05, 5))
@settings(max_examples=20)
def test_it_is_the_formula(start, alpha):
    images = np.random.RandomState(0).rand(8, 4, 3, 2).astype("float32")
    after, weight = mixed(images, alpha, start - start % 2)
    weight = weight[:, None, None, None]
    np.testing.assert_allclose(after, weight * images + (1 - weight) * images[np.arange(8) ^ 1], rtol=1e-5, atol=1e-6)


def test_uint8_is_rounded():
    images = np.random.RandomState(0).randint(0, 256, (8, 4, 3, 2)).astype("uint8")
    after, _ = mixed(images)
    floats, _ = mixed(images.astype("float32"))
    assert after.dtype == np.uint8
    np.testing.assert_array_equal(after, np.round(floats))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_floats_stay_floats(dtype):
    assert mixed(np.ones((2, 4, 3, 1), dtype))[0].dtype == dtype


def test_both_of_a_pair_draw_their_own_weight():
    _, weights = mixed(np.zeros((64, 1, 1, 1), "float32"))
    assert len(np.unique(weights)) > 60

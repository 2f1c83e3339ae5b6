"""Sharpness: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageEnhance
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Sharpness
from tf_tricks.augment.functional.filters import sharpness
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

FACTORS = np.array([0, 0.3, 0.5, 1, 1.4, 2, 1, 3], "float32")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_pillows(dtype):
    found = np.asarray(sharpness(colours.pictures(dtype), FACTORS, 0.0, 255.0)).astype("float32")
    wanted = colours.by_pillow(lambda image, f: ImageEnhance.Sharpness(image).enhance(f), colours.pictures(), FACTORS)
    # Pillow cuts the fraction off, and rounds the smoothed image.
    assert (abs(found - wanted) <= 1 + 0.5 * abs(1 - FACTORS[:, None, None, None])).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x, f: sharpness(x, f, 0.0, 255.0), colours.pictures(dtype), FACTORS)
    colours.assert_alike(results, tolerance={"uint8": 1, "float32": 1e-3, "float16": 0.5}[dtype])


def test_factors_are_uniform_in_their_range():
    draws = Draws(colours.SEED, np.arange(2000))
    layer = Sharpness(sharpness=0.4)
    assert layer.sharpness == (0.6, 1.4)
    factors = np.asarray(draws.copy().uniform(*layer.sharpness))
    images = colours.pictures()[np.zeros(2000, int), :4, :4]
    found = layer(images, seed=colours.SEED, positions=np.arange(2000))
    np.testing.assert_array_equal(found, sharpness(images, factors, 0.0, 255.0))
    assert abs(factors.mean() - 1) < 4 * 0.8 / (12 * 2000) ** 0.5


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_factor_1_changes_nothing(dtype):
    images = colours.pictures(dtype)
    np.testing.assert_array_equal(sharpness(images, np.ones(8, "float32"), 0.0, 255.0), images)


@given(factor=st.floats(0, 400, width=32), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_values_stay_in_their_range(factor, seed):
    images = np.random.RandomState(seed).uniform(-1, 3, (1, 4, 5, 3)).astype("float32")
    found = np.asarray(sharpness(images, np.array([factor], "float32"), -1.0, 3.0))
    assert -1 <= found.min()
    assert found.max() <= 3


def test_another_range_of_values_gives_the_same_picture():
    images = colours.pictures("float32")
    found = sharpness(images / 100 - 1, FACTORS, -1.0, 1.55)
    np.testing.assert_allclose(found, sharpness(images, FACTORS, 0.0, 255.0) / 100.0 - 1, atol=1e-4)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Sharpness()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sharpness": -0.1}, "sharpness must be a number at least 0, not -0.1"),
        ({"sharpness": (1, 0.5)}, "sharpness must be \\(low, high\\) with low at most high, not \\(1, 0.5\\)"),
        ({"sharpness": "much"}, "sharpness must be a number at least 0, not 'much'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "sharpness", **arguments})


@pytest.mark.parametrize("shape", [(2, 9, 3), (9, 2, 3), (1, 1, 1)])
def test_images_that_are_all_border_stay(shape):
    images = colours.pictures(shape=shape)
    np.testing.assert_array_equal(sharpness(images, FACTORS, 0.0, 255.0), images)

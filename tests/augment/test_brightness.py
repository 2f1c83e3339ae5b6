"""Brightness: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageEnhance
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Brightness
from tf_tricks.augment.functional.colour import brightness
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

FACTORS = np.array([0, 0.3, 0.5, 1, 1.4, 2, 1, 3], "float32")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_pillows(dtype):
    found = np.asarray(brightness(colours.pictures(dtype), FACTORS, 0.0, 255.0)).astype("float32")
    wanted = colours.by_pillow(lambda image, f: ImageEnhance.Brightness(image).enhance(f), colours.pictures(), FACTORS)
    # Pillow cuts the fraction off.
    assert (abs(found - wanted) <= 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x, f: brightness(x, f, 0.0, 255.0), colours.pictures(dtype), FACTORS)
    colours.assert_alike(results, tolerance={"uint8": 1, "float32": 1e-3, "float16": 0.5}[dtype])


def test_factors_are_uniform_in_their_range():
    draws = Draws(colours.SEED, np.arange(2000))
    layer = Brightness(brightness=0.4)
    assert layer.brightness == (0.6, 1.4)
    factors = np.asarray(draws.copy().uniform(*layer.brightness))
    images = colours.pictures()[np.zeros(2000, int), :4, :4]
    found = layer(images, seed=colours.SEED, positions=np.arange(2000))
    np.testing.assert_array_equal(found, brightness(images, factors, 0.0, 255.0))
    assert abs(factors.mean() - 1) < 4 * 0.8 / (12 * 2000) ** 0.5


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_factor_1_changes_nothing(dtype):
    images = colours.pictures(dtype)
    np.testing.assert_array_equal(brightness(images, np.ones(8, "float32"), 0.0, 255.0), images)


@given(factor=st.floats(0, 400, width=32), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_values_stay_in_their_range(factor, seed):
    images = np.random.RandomState(seed).uniform(-1, 3, (1, 4, 5, 3)).astype("float32")
    found = np.asarray(brightness(images, np.array([factor], "float32"), -1.0, 3.0))
    assert -1 <= found.min()
    assert found.max() <= 3


def test_another_range_of_values_gives_the_same_picture():
    images = colours.pictures("float32")
    found = brightness(images / 100 - 1, FACTORS, -1.0, 1.55)
    np.testing.assert_allclose(found, brightness(images, FACTORS, 0.0, 255.0) / 100.0 - 1, atol=1e-4)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Brightness()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"brightness": -0.1}, "brightness must be a number at least 0, not -0.1"),
        ({"brightness": (1, 0.5)}, "brightness must be \\(low, high\\) with low at most high, not \\(1, 0.5\\)"),
        ({"brightness": "much"}, "brightness must be a number at least 0, not 'much'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "brightness", **arguments})


@given(factor=st.floats(0, 300, width=32))
@settings(max_examples=20, deadline=None)
def test_whole_numbers_are_the_floats_rounded(factor):
    levels = np.arange(256, dtype="uint8").reshape(1, 16, 16, 1)
    exact = np.minimum(levels * np.float64(np.float32(factor)), 255)
    found = np.asarray(brightness(levels, np.array([factor], "float32"), 0.0, 255.0))
    assert (abs(found - exact) <= 0.5 + 255 / 2**15).all()

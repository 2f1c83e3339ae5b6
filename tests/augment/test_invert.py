"""Invert: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Invert
from tf_tricks.augment.functional.levels import invert
from tf_tricks.errors import RequestError


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_pillows(dtype):
    wanted = colours.by_pillow(ImageOps.invert, colours.pictures())
    np.testing.assert_array_equal(invert(colours.pictures(dtype), 0.0, 255.0), wanted)


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_twice_is_nothing(seed):
    images = np.random.RandomState(seed).uniform(-1, 3, (1, 4, 5, 2)).astype("float32")
    found = invert(images, -1.0, 3.0)
    np.testing.assert_allclose(found, 2 - images, atol=1e-6)
    np.testing.assert_allclose(invert(found, -1.0, 3.0), images, atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x: invert(x, 0.0, 255.0), colours.pictures(dtype))
    colours.assert_alike(results, tolerance={"uint8": 0, "float32": 0, "float16": 0}[dtype])


def test_each_example_is_changed_or_not():
    images = colours.pictures()[np.zeros(400, int)]
    found = np.asarray(Invert(probability=0.3)(images, seed=colours.SEED, positions=np.arange(400)))
    changed = (found != images).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5
    np.testing.assert_array_equal(found[changed], np.asarray(invert(images, 0.0, 255.0))[changed])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_with_probability_0_nothing_changes(dtype):
    images = colours.pictures(dtype) / np.array(2, dtype) if dtype == "float32" else colours.pictures(dtype)
    found = Invert(probability=0)(images, seed=colours.SEED, positions=colours.POSITIONS)
    np.testing.assert_array_equal(found, images)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Invert()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"probability": 1.5}, "probability must be a number at least 0 and at most 1, not 1.5"),
        ({"probability": "often"}, "probability must be a number at least 0 and at most 1, not 'often'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "invert", **arguments})

"""Equalize: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Equalize
from tf_tricks.augment.functional.histograms import equalize
from tf_tricks.errors import RequestError


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("size", [(20, 17), (64, 50), (10, 10)])
def test_it_is_pillows(dtype, size):
    images = colours.pictures(dtype, (*size, 3))
    wanted = colours.by_pillow(ImageOps.equalize, images.astype("uint8"))
    for found in colours.all_ways(lambda x: equalize(x, 0.0, 255.0), images):
        np.testing.assert_array_equal(found, wanted)


@given(value=st.floats(-1, 3, width=32))
@settings(max_examples=20, deadline=None)
def test_a_constant_image_stays(value):
    images = np.full((1, 20, 20, 2), value, "float32")
    np.testing.assert_array_equal(equalize(images, -1.0, 3.0), images)


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_order_of_values_stays(seed):
    values = np.sort(np.random.RandomState(seed).beta(2, 5, 900).astype("float32")).reshape(1, 30, 30, 1)
    found = np.asarray(equalize(values, 0.0, 1.0)).ravel()
    assert (np.diff(found) >= 0).all()
    assert (found[0], found[-1]) == (0, 1)


def test_another_range_of_values_gives_the_same_picture():
    images = colours.pictures("float32")
    found = equalize(images / 255 * 2 - 1, -1.0, 1.0)
    np.testing.assert_allclose(found, equalize(images, 0.0, 255.0) / 255 * 2.0 - 1, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x: equalize(x, 0.0, 255.0), colours.pictures(dtype))
    colours.assert_alike(results, tolerance={"uint8": 0, "float32": 0, "float16": 0}[dtype])


def test_each_example_is_changed_or_not():
    images = colours.pictures()[np.zeros(400, int)]
    found = np.asarray(Equalize(probability=0.3)(images, seed=colours.SEED, positions=np.arange(400)))
    changed = (found != images).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5
    np.testing.assert_array_equal(found[changed], np.asarray(equalize(images, 0.0, 255.0))[changed])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_with_probability_0_nothing_changes(dtype):
    images = colours.pictures(dtype) / np.array(2, dtype) if dtype == "float32" else colours.pictures(dtype)
    found = Equalize(probability=0)(images, seed=colours.SEED, positions=colours.POSITIONS)
    np.testing.assert_array_equal(found, images)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Equalize()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
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
        augment.get({"name": "equalize", **arguments})

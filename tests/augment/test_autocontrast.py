"""Autocontrast: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps
from support import colours

from tf_tricks import augment
from tf_tricks.augment import AutoContrast
from tf_tricks.augment.functional.histograms import autocontrast
from tf_tricks.errors import RequestError


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_pillows(dtype):
    wanted = colours.by_pillow(ImageOps.autocontrast, colours.pictures())
    found = np.asarray(autocontrast(colours.pictures(dtype), 0.0, 255.0)).astype("float32")
    np.testing.assert_allclose(found, wanted, atol=1)  # Pillow cuts the fraction off


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_channel_fills_the_range(seed):
    images = np.random.RandomState(seed).uniform(-0.5, 0.7, (1, 4, 5, 3)).astype("float32")
    found = np.asarray(autocontrast(images, -1.0, 3.0))
    np.testing.assert_allclose(found.min(axis=(1, 2)), -1, atol=1e-5)
    np.testing.assert_allclose(found.max(axis=(1, 2)), 3, atol=1e-5)
    np.testing.assert_allclose(autocontrast(found, -1.0, 3.0), found, atol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_a_constant_channel_stays(dtype):
    images = colours.pictures(dtype)
    found = np.asarray(autocontrast(images, 0.0, 255.0))
    np.testing.assert_array_equal(found[4, ..., 0], images[4, ..., 0])
    np.testing.assert_array_equal(found[5], images[5])


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x: autocontrast(x, 0.0, 255.0), colours.pictures(dtype))
    colours.assert_alike(results, tolerance={"uint8": 1, "float32": 1e-3, "float16": 0.5}[dtype])


def test_each_example_is_changed_or_not():
    images = colours.pictures()[np.full(400, 2)]
    found = np.asarray(AutoContrast(probability=0.3)(images, seed=colours.SEED, positions=np.arange(400)))
    changed = (found != images).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5
    np.testing.assert_array_equal(found[changed], np.asarray(autocontrast(images, 0.0, 255.0))[changed])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_with_probability_0_nothing_changes(dtype):
    images = colours.pictures(dtype) / np.array(2, dtype) if dtype == "float32" else colours.pictures(dtype)
    found = AutoContrast(probability=0)(images, seed=colours.SEED, positions=colours.POSITIONS)
    np.testing.assert_array_equal(found, images)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = AutoContrast()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
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
        augment.get({"name": "autocontrast", **arguments})

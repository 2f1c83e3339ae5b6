"""Grayscale: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Grayscale
from tf_tricks.augment.functional.colour import grayscale
from tf_tricks.errors import RequestError


def test_whole_numbers_are_pillows():
    wanted = colours.by_pillow(lambda image: image.convert("L").convert("RGB"), colours.pictures())
    np.testing.assert_array_equal(grayscale(colours.pictures()), wanted)


def test_floats_are_the_weighted_sum():
    images = colours.pictures("float32")
    wanted = (images @ np.array([0.299, 0.587, 0.114], "float32"))[..., None].repeat(3, axis=-1)
    np.testing.assert_allclose(grayscale(images), wanted, atol=1e-3)


@given(seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_twice_is_once(seed):
    images = np.random.RandomState(seed).randint(0, 256, (1, 4, 5, 3)).astype("uint8")
    np.testing.assert_array_equal(grayscale(grayscale(images)), grayscale(images))


@pytest.mark.parametrize("dtype", ["uint16", "int32"])
def test_other_integers_are_rounded(dtype):
    image = np.array([[[[1000, 2000, 3000], [201, 201, 201]]]], dtype)
    gray = np.asarray(grayscale(image))
    assert gray.dtype == dtype
    assert gray[0, 0].tolist() == [[1815] * 3, [201] * 3]  # 299 + 1174 + 342


def test_images_of_one_channel_stay():
    images = colours.pictures(shape=(6, 7, 1))
    np.testing.assert_array_equal(grayscale(images), images)


def test_images_of_four_channels_get_a_sentence():
    with pytest.raises(RequestError, match="grayscale takes images of 1 or 3 channels, not 4"):
        grayscale(colours.pictures(shape=(6, 7, 4)))


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x: grayscale(x), colours.pictures(dtype))
    colours.assert_alike(results, tolerance={"uint8": 0, "float32": 1e-3, "float16": 0.5}[dtype])


def test_each_example_is_changed_or_not():
    images = colours.pictures()[np.zeros(400, int)]
    found = np.asarray(Grayscale(probability=0.3)(images, seed=colours.SEED, positions=np.arange(400)))
    changed = (found != images).any(axis=(1, 2, 3))
    assert abs(changed.mean() - 0.3) < 4 * (0.3 * 0.7 / 400) ** 0.5
    np.testing.assert_array_equal(found[changed], np.asarray(grayscale(images))[changed])


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_with_probability_0_nothing_changes(dtype):
    images = colours.pictures(dtype) / np.array(2, dtype) if dtype == "float32" else colours.pictures(dtype)
    found = Grayscale(probability=0)(images, seed=colours.SEED, positions=colours.POSITIONS)
    np.testing.assert_array_equal(found, images)


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Grayscale()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
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
        augment.get({"name": "grayscale", **arguments})

"""Posterize: Pillow's, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Posterize
from tf_tricks.augment.functional.levels import posterize
from tf_tricks.errors import RequestError

BITS = np.array([1, 2, 3, 4, 5, 6, 7, 8], "float32")


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_it_is_pillows(dtype):
    wanted = colours.by_pillow(lambda image, bits: ImageOps.posterize(image, int(bits)), colours.pictures(), BITS)
    np.testing.assert_array_equal(posterize(colours.pictures(dtype), BITS, 0.0, 255.0), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_floats_of_another_range_are_rounded_to_levels(dtype):
    values = (np.arange(256).reshape(1, 16, 16, 1) / 255).astype(dtype)
    found = np.asarray(posterize(values, np.array([3]), 0.0, 1.0))
    np.testing.assert_array_equal(
        np.round(found.astype("float32") * 255), np.arange(256).reshape(found.shape) // 32 * 32
    )


@given(bits=st.integers(0, 8), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_twice_is_once(bits, seed):
    images = np.random.RandomState(seed).uniform(-1, 3, (1, 4, 5, 3)).astype("float32")
    once = posterize(images, np.array([bits]), -1.0, 3.0)
    np.testing.assert_array_equal(posterize(once, np.array([bits]), -1.0, 3.0), once)


def test_no_bits_are_black_and_eight_are_all():
    images = colours.pictures("float32") / 2
    assert np.max(posterize(images, np.zeros(8), 0.0, 255.0)) == 0
    np.testing.assert_array_equal(posterize(images, np.full(8, 8), 0.0, 255.0), images)


def test_each_number_of_bits_is_drawn():
    images = np.full((400, 1, 1, 1), 255, "uint8")
    found = Posterize(bits=(6, 8))(images, seed=colours.SEED, positions=np.arange(400))
    assert np.unique(found).tolist() == [252, 254, 255]


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x, n: posterize(x, n, 0.0, 255.0), colours.pictures(dtype), BITS)
    colours.assert_alike(results, tolerance={"uint8": 0, "float32": 0, "float16": 0}[dtype])


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Posterize()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"bits": 9}, "bits must be an integer at least 0 and at most 8, not 9"),
        ({"bits": 1.5}, "bits must be an integer at least 0 and at most 8, not 1.5"),
        ({"bits": (5, 2)}, "bits must be \\(low, high\\) with low at most high"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "posterize", **arguments})

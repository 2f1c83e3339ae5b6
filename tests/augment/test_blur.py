"""Blur: that of SciPy, and its invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Blur
from tf_tricks.augment.functional.filters import blur
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

SIGMAS = np.array([0, 0.1, 0.5, 1, 1.5, 2, 3, 10], "float32")


@pytest.mark.parametrize("kernel_size", [1, 3, 9, 17])
@pytest.mark.parametrize("shape", [(20, 17, 3), (9, 30, 1)])
def test_it_is_scipys(kernel_size, shape):
    images, radius = colours.pictures("float32", shape), kernel_size // 2
    wanted = [
        ndimage.gaussian_filter(image, (max(s, 1e-3),) * 2, radius=radius, mode="mirror", axes=(0, 1))
        for image, s in zip(images, SIGMAS)
    ]
    for found in colours.all_ways(lambda x, s: blur(x, s, 0.0, 255.0, kernel_size), images, SIGMAS):
        np.testing.assert_allclose(found, np.stack(wanted), atol=1e-3)


@given(sigma=st.floats(0, 100, width=32), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_values_stay_between_the_least_and_the_largest(sigma, seed):
    images = np.random.RandomState(seed).uniform(-1, 3, (1, 6, 5, 3)).astype("float32")
    found = np.asarray(blur(images, np.array([sigma], "float32"), -1.0, 3.0))
    assert images.min() - 1e-5 <= found.min()
    assert found.max() <= images.max() + 1e-5


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_a_sigma_of_0_changes_nothing(dtype):
    images = colours.pictures(dtype)
    np.testing.assert_array_equal(blur(images, np.zeros(8, "float32"), 0.0, 255.0), images)


def test_sigmas_are_uniform_in_their_range():
    images = colours.pictures()[np.zeros(500, int), :6, :6]
    sigmas = np.asarray(Draws(colours.SEED, np.arange(500)).uniform(0.0, 1.5))
    found = Blur(sigma=1.5)(images, seed=colours.SEED, positions=np.arange(500))
    np.testing.assert_array_equal(found, blur(images, sigmas, 0.0, 255.0))


def test_an_image_smaller_than_half_the_kernel_gets_a_sentence():
    with pytest.raises(RequestError, match="a kernel_size of 9 needs images of more than 4 pixels each way"):
        Blur()(colours.pictures(shape=(4, 9, 3)), seed=colours.SEED, positions=colours.POSITIONS)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x, s: blur(x, s, 0.0, 255.0), colours.pictures(dtype), SIGMAS)
    colours.assert_alike(results, tolerance={"uint8": 1, "float32": 1e-3, "float16": 0.6}[dtype])


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Blur()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"sigma": -1}, "sigma must be a number at least 0, not -1"),
        ({"kernel_size": 4}, "kernel_size must be an odd number, not 4"),
        ({"kernel_size": 0}, "kernel_size must be an integer at least 1, not 0"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "blur", **arguments})

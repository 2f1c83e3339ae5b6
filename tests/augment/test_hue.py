"""Hue: that of Matplotlib and TensorFlow, and its invariances."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import colors
from support import colours

from tf_tricks import augment
from tf_tricks.augment import Hue
from tf_tricks.augment.functional.colour import hue
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError

SHIFTS = np.array([0, 0.1, -0.3, 0.5, -0.5, 0.25, 1 / 3, 0.05], "float32")


def test_it_is_the_hue_of_matplotlib():
    images = colours.pictures("float32")
    hsv = colors.rgb_to_hsv(images / 255)
    hsv[..., 0] = (hsv[..., 0] + SHIFTS[:, None, None]) % 1
    np.testing.assert_allclose(hue(images, SHIFTS, 0.0, 255.0), colors.hsv_to_rgb(hsv) * 255, atol=1e-2)


def test_it_is_tensorflows():
    images = colours.pictures("float32") / 255
    wanted = [tf.image.adjust_hue(image, shift) for image, shift in zip(images, SHIFTS)]
    np.testing.assert_allclose(hue(images, SHIFTS, 0.0, 1.0), np.stack(wanted), atol=1e-4)


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_no_shift_changes_nothing(dtype):
    images = colours.pictures(dtype)
    np.testing.assert_allclose(hue(images, np.zeros(8, "float32"), 0.0, 255.0), images, atol=1e-3)


@given(shift=st.floats(-0.5, 0.5, width=32), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_value_and_chroma_stay(shift, seed):
    images = np.random.RandomState(seed).uniform(-1, 3, (1, 4, 5, 3)).astype("float32")
    found = np.asarray(hue(images, np.array([shift], "float32"), -1.0, 3.0))
    for edge in (np.min, np.max):
        np.testing.assert_allclose(edge(found, axis=-1), edge(images, axis=-1), atol=1e-4)


def test_shifts_are_uniform_in_their_range():
    images = colours.pictures()[np.zeros(500, int), :4, :4]
    shifts = np.asarray(Draws(colours.SEED, np.arange(500)).uniform(-0.2, 0.2))
    found = Hue(hue=0.2)(images, seed=colours.SEED, positions=np.arange(500))
    np.testing.assert_array_equal(found, hue(images, shifts, 0.0, 255.0))


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_images_of_other_channels_get_a_sentence(channels):
    with pytest.raises(RequestError, match=f"hue takes images of 3 channels, not {channels}"):
        hue(colours.pictures(shape=(6, 7, channels)), SHIFTS, 0.0, 255.0)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16"])
def test_all_ways_give_the_same(dtype):
    results = colours.all_ways(lambda x, f: hue(x, f, 0.0, 255.0), colours.pictures(dtype), SHIFTS)
    colours.assert_alike(results, tolerance={"uint8": 1, "float32": 1e-2, "float16": 0.5}[dtype])


def test_an_empty_batch_is_possible():
    images = colours.pictures()[:0]
    result = Hue()(images, seed=colours.SEED, positions=colours.POSITIONS[:0])
    assert result.shape == images.shape


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"hue": 0.6}, "hue must be a number at least 0 and at most 0.5, not 0.6"),
        ({"hue": (-1, 0)}, "hue must be a number at least -0.5 and at most 0.5, not -1"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        augment.get({"name": "hue", **arguments})

"""Flips against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment import Flip
from tf_tricks.augment.functional.flipping import flip
from tf_tricks.errors import RequestError

ALTERNATELY = np.arange(geometry.NUMBER) % 2 == 1
IN_PAIRS = np.arange(geometry.NUMBER) // 2 % 2 == 1


@geometry.both_ways
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float16", "float32"])
def test_both_flips_are_those_of_numpy(xla, dtype):
    images = geometry.pictures(dtype=dtype)
    wanted = [
        image[:: -1 if vertical else 1, :: -1 if horizontal else 1]
        for image, horizontal, vertical in zip(images, ALTERNATELY, IN_PAIRS)
    ]
    np.testing.assert_array_equal(geometry.by(flip, xla, images, ALTERNATELY, IN_PAIRS), wanted)


@given(st.lists(st.booleans(), min_size=1, max_size=6))
@settings(max_examples=20)
def test_twice_is_the_identity(flipped):
    images, flipped = geometry.pictures((3, 4, 2), number=len(flipped)), np.array(flipped)
    np.testing.assert_array_equal(flip(flip(images, flipped, flipped), flipped, flipped), images)


@geometry.both_ways
def test_masks_flip_with_their_images(xla):
    images = geometry.pictures(dtype="uint8")
    layer = Flip(horizontal=True, vertical=True)
    found = geometry.by(lambda x, m, p: layer(x, None, 0, p, m)[::2], xla, images, images, geometry.POSITIONS)
    np.testing.assert_array_equal(*found)


def test_the_layer_as_a_whole():
    geometry.check_layer(Flip(vertical=True))


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_half_of_the_images_are_flipped(axis):
    number = 4000
    images = np.array([[[1], [2]], [[3], [4]]], "uint8")[None].repeat(number, axis=0)
    layer = Flip(horizontal=axis == "horizontal", vertical=axis == "vertical")
    found = np.asarray(layer(images, seed=0, positions=np.arange(number)))[:, 0, 0, 0]
    flipped = found == (2 if axis == "horizontal" else 3)
    assert set(found) == {1, 2 if axis == "horizontal" else 3}
    assert abs(flipped.mean() - 0.5) < 4 * 0.5 / number**0.5


def test_the_two_flips_are_independent():
    images = np.array([[[1], [2]], [[3], [4]]], "uint8")[None].repeat(400, axis=0)
    found = np.asarray(Flip(vertical=True)(images, seed=0, positions=np.arange(400)))[:, 0, 0, 0]
    assert np.bincount(found, minlength=5)[1:].min() > 60


@pytest.mark.parametrize("arguments", [{"probability": 0, "vertical": True}, {"horizontal": False}])
def test_nothing_is_the_identity(arguments):
    images = geometry.pictures()
    np.testing.assert_array_equal(Flip(**arguments)(images, seed=0, positions=geometry.POSITIONS), images)


def test_shapes_are_static_inside_a_graph():
    spec = tf.TensorSpec([None, 8, 6, 3], tf.uint8), tf.TensorSpec([None], tf.bool)
    assert tf.function(flip).get_concrete_function(*spec).output_shapes[1:] == [8, 6, 3]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"probability": 2}, "probability must be a number at least 0 and at most 1, not 2"),
        ({"horizontal": 1}, "horizontal must be True or False, not 1"),
        ({"vertical": "yes"}, "vertical must be True or False, not 'yes'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        Flip(**arguments)

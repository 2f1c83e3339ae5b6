"""Translation against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment import Translation
from tf_tricks.augment.functional.motions import translate
from tf_tricks.errors import RequestError

DOWN, RIGHT = np.random.default_rng(4).uniform(-4, 4, (2, geometry.NUMBER)).astype("float32")


@geometry.both_ways
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
@pytest.mark.parametrize("largest", [None, (4, 4)])
def test_it_is_that_of_scipy(xla, fill_value, largest):
    images = geometry.pictures()
    wanted = [
        geometry.sampled(image, np.eye(2), (-down, -right), fill_value)
        for image, down, right in zip(images, DOWN, RIGHT)
    ]
    found = geometry.by(lambda *x: translate(*x, "bilinear", fill_value, largest), xla, images, DOWN, RIGHT)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@geometry.both_ways
def test_masks_are_sampled_at_the_nearest(xla):
    masks, (rows, columns) = geometry.classes(), np.mgrid[:11, :14]
    wanted = geometry.nearest(masks, rows - DOWN[:, None, None], columns - RIGHT[:, None, None], -1)
    found = geometry.by(lambda *x: translate(*x, "nearest", -1), xla, masks[..., None], DOWN, RIGHT)[..., 0]
    np.testing.assert_array_equal(found, wanted)


def test_uint8_is_rounded():
    geometry.check_uint8_is_rounded(lambda x: translate(x, DOWN, RIGHT))


@pytest.mark.parametrize("whole_pixels", [False, True])
def test_the_layer_as_a_whole(whole_pixels):
    geometry.check_layer(Translation(0.2, (0, 0.3), whole_pixels, fill_value=9))


@geometry.both_ways
def test_whole_pixels_are_copied(xla):
    images = geometry.pictures()
    layer = Translation(0.3, 0.3, whole_pixels=True)
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, geometry.POSITIONS)
    assert np.isin(found, np.append(images, 0)).all()
    assert (found != images).any()


@given(st.integers(-5, 5), st.integers(-5, 5))
@settings(max_examples=20)
def test_moves_by_whole_pixels_copy(down, right):
    images = geometry.pictures((6, 6, 1), number=1)
    found = np.asarray(translate(images, np.float32([down]), np.float32([right])))
    inside = slice(max(0, down), 6 + min(0, down)), slice(max(0, right), 6 + min(0, right))
    source = slice(max(0, -down), 6 + min(0, -down)), slice(max(0, -right), 6 + min(0, -right))
    np.testing.assert_allclose(found[0][inside], images[0][source], atol=2e-6)


def test_its_moves_fill_the_range():
    images = np.zeros((300, 1, 21, 1), "float32")
    images[:, 0, 10] = 1
    found = np.asarray(Translation(0, (-0.25, 0.1))(images, seed=0, positions=np.arange(300)))[:, 0, :, 0]
    moves = (found @ np.arange(21) - 10) / 21
    assert -0.25 <= moves.min() < -0.24
    assert 0.09 < moves.max() <= 0.1


@pytest.mark.parametrize("whole_pixels", [False, True])
@geometry.both_ways
def test_nothing_is_the_identity(whole_pixels, xla):
    images, layer = geometry.pictures(dtype="uint8"), Translation(0, 0, whole_pixels)
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, geometry.POSITIONS)
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"height": 1.5}, "height must be a number at least 0 and at most 1, not 1.5"),
        ({"width": (0.2, 0.1)}, r"width must be \(low, high\) with low at most high, not \(0.2, 0.1\)"),
        ({"whole_pixels": 1}, "whole_pixels must be True or False, not 1"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        Translation(**arguments)

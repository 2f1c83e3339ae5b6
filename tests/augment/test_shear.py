"""Shear against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment import Shear
from tf_tricks.augment.functional.motions import shear
from tf_tricks.errors import RequestError

X, Y = np.random.default_rng(6).uniform(-0.6, 0.6, (2, geometry.NUMBER)).astype("float32")
BOUNDS = {"x": (0.6, 0), "y": (0, 0.6), "both": (0.6, 0.6)}


def tangents(axes):
    """Those of the axes named, float64, the others 0."""
    return X * (axes != "y"), Y * (axes != "x")


def matrices(x, y):
    """For (row, column)."""
    one = np.ones(geometry.NUMBER)
    return np.stack([np.stack([one, y], -1), np.stack([x, one], -1)], -2)


@geometry.both_ways
@pytest.mark.parametrize("axes", list(BOUNDS))
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_it_is_that_of_scipy(xla, axes, fill_value):
    images, (x, y) = geometry.pictures(), tangents(axes)
    wanted = [geometry.sampled(image, matrix, fill_value=fill_value) for image, matrix in zip(images, matrices(x, y))]
    found = geometry.by(lambda *p: shear(*p, "bilinear", fill_value, BOUNDS[axes]), xla, images, x, y)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@geometry.both_ways
@pytest.mark.parametrize("axes", list(BOUNDS))
def test_masks_are_sampled_at_the_nearest(xla, axes):
    masks, (x, y) = geometry.classes(), tangents(axes)
    wanted = geometry.nearest(masks, *geometry.around(matrices(x, y), (11, 14)), -1)
    found = geometry.by(lambda *p: shear(*p, "nearest", -1, BOUNDS[axes]), xla, masks[..., None], x, y)[..., 0]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("axes", list(BOUNDS))
def test_uint8_is_rounded(axes):
    geometry.check_uint8_is_rounded(lambda x: shear(x, *tangents(axes), largest=BOUNDS[axes]))


@pytest.mark.parametrize("arguments", [{}, {"x": 0, "y": (0, 0.5)}, {"x": 0.3, "y": 0.2}])
def test_the_layer_as_a_whole(arguments):
    geometry.check_layer(Shear(**arguments, fill_value=9))


@given(st.floats(-1, 1), st.floats(-1, 1))
@settings(max_examples=20)
def test_the_centre_stays(x, y):
    images = geometry.pictures((7, 7, 2), number=1)
    found = np.asarray(shear(images, np.float32([x]), np.float32([y])))
    np.testing.assert_allclose(found[0, 3, 3], images[0, 3, 3], atol=1e-5)


def test_its_tangents_fill_the_range():
    slopes = np.indices((3, 41)).transpose(1, 2, 0).astype("float32")[None, :, :, 1:].repeat(300, axis=0)
    found = np.asarray(Shear((-0.5, 0.25))(slopes, seed=0, positions=np.arange(300)))
    found = found[:, 2, 20, 0] - found[:, 1, 20, 0]
    assert -0.5001 < found.min() < -0.48
    assert 0.23 < found.max() < 0.2501


@geometry.both_ways
def test_nothing_is_the_identity(xla):
    images, layer = geometry.pictures(dtype="uint8"), Shear(0, 0)
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, geometry.POSITIONS)
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"x": 20}, "x must be a number at least 0 and at most 1, not 20"),
        ({"y": 1.5}, "y must be a number at least 0 and at most 1, not 1.5"),
        ({"y": (0.2, -0.2)}, r"y must be \(low, high\) with low at most high, not \(0.2, -0.2\)"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        Shear(**arguments)

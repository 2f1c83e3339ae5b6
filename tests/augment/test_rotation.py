"""Rotation against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment import Rotation
from tf_tricks.augment.functional.motions import rotate
from tf_tricks.errors import RequestError


def angles(largest):
    """Twenty, the extremes among them."""
    return np.linspace(-largest, largest, geometry.NUMBER).astype("float32")


def matrices(degrees):
    """For (row, column): counter-clockwise, as numpy.rot90 turns."""
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2)


@geometry.both_ways
@pytest.mark.parametrize("largest", [10, 45, 60, 177])
@pytest.mark.parametrize("shape", [(11, 14, 3), (14, 11, 1), (12, 12, 3)])
def test_it_is_that_of_scipy(xla, largest, shape):
    images, degrees = geometry.pictures(shape), angles(largest)
    wanted = [
        geometry.sampled(image, matrix, fill_value=0.7)
        for image, matrix in zip(images, matrices(degrees.astype("float64")))
    ]
    found = geometry.by(lambda *x: rotate(*x, "bilinear", 0.7, largest), xla, images, degrees)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@geometry.both_ways
def test_masks_are_sampled_at_the_nearest(xla):
    masks, degrees = geometry.classes(), angles(177)
    rows, columns = geometry.around(matrices(degrees.astype("float64")), (11, 14))
    wanted = geometry.nearest(masks, rows, columns, -1)
    found = geometry.by(lambda *x: rotate(*x, "nearest", -1), xla, masks[..., None], degrees)[..., 0]
    assert (found != wanted).mean() < 1e-3  # a place half-way between two pixels may go either way


def test_uint8_is_rounded():
    geometry.check_uint8_is_rounded(lambda x: rotate(x, angles(170)))


@pytest.mark.parametrize("degrees", [30, (-180, 180)])
def test_the_layer_as_a_whole(degrees):
    geometry.check_layer(Rotation(degrees, fill_value=9))


@geometry.both_ways
@pytest.mark.parametrize("quarters", [-2, -1, 1, 2])
def test_right_angles_are_those_of_numpy(xla, quarters):
    images = geometry.pictures((9, 9, 3), "uint8")
    degrees = np.full(geometry.NUMBER, 90 * quarters, "float32")
    np.testing.assert_array_equal(geometry.by(rotate, xla, images, degrees), np.rot90(images, quarters, axes=(1, 2)))


@given(st.floats(-180, 180))
@settings(max_examples=20)
def test_the_centre_stays(degrees):
    images = geometry.pictures((7, 7, 2), number=1)
    found = np.asarray(rotate(images, np.float32([degrees])))
    np.testing.assert_allclose(found[0, 3, 3], images[0, 3, 3], atol=1e-5)


@geometry.both_ways
def test_nothing_is_the_identity(xla):
    images, layer = geometry.pictures(dtype="uint8"), Rotation(0)
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, geometry.POSITIONS)
    np.testing.assert_array_equal(found, images)


def test_its_angles_fill_the_range():
    bar = np.zeros((300, 41, 41, 1), "float32")
    bar[:, 20, 20:] = 1
    found = np.asarray(Rotation((20, 160))(bar, seed=0, positions=np.arange(300)))[..., 0]
    rows, columns = np.mgrid[:41, :41] - 20
    degrees = np.degrees(np.arctan2(-(found * rows).sum((1, 2)), (found * columns).sum((1, 2))))
    assert 19 < degrees.min() < 24
    assert 156 < degrees.max() < 161


@pytest.mark.parametrize(
    ("degrees", "sentence"),
    [
        (200, "degrees must be a number at least 0 and at most 180, not 200"),
        ((10, 0), r"degrees must be \(low, high\) with low at most high, not \(10, 0\)"),
        ((0, 1, 2), r"degrees must be a pair of numbers \(low, high\), not \(0, 1, 2\)"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(degrees, sentence):
    with pytest.raises(RequestError, match=sentence):
        Rotation(degrees)

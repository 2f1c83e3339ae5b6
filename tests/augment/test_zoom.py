"""Zoom against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment import Zoom
from tf_tricks.augment.functional.motions import zoom
from tf_tricks.errors import RequestError

HEIGHT, WIDTH = np.exp(np.random.default_rng(5).uniform(-0.7, 0.7, (2, geometry.NUMBER))).astype("float32")


@geometry.both_ways
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_it_is_that_of_scipy(xla, fill_value):
    images = geometry.pictures()
    wanted = [
        geometry.sampled(image, np.diag([1 / height, 1 / width]), fill_value=fill_value)
        for image, height, width in zip(images, HEIGHT.astype("float64"), WIDTH.astype("float64"))
    ]
    found = geometry.by(lambda *x: zoom(*x, "bilinear", fill_value), xla, images, HEIGHT, WIDTH)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@geometry.both_ways
def test_masks_are_sampled_at_the_nearest(xla):
    masks, (rows, columns) = geometry.classes(), np.mgrid[:11, :14]
    rows = 5 + (rows - 5) / HEIGHT[:, None, None].astype("float64")
    columns = 6.5 + (columns - 6.5) / WIDTH[:, None, None].astype("float64")
    found = geometry.by(lambda *x: zoom(*x, "nearest", -1), xla, masks[..., None], HEIGHT, WIDTH)[..., 0]
    np.testing.assert_array_equal(found, geometry.nearest(masks, rows, columns, -1))


def test_uint8_is_rounded():
    geometry.check_uint8_is_rounded(lambda x: zoom(x, HEIGHT, WIDTH))


@pytest.mark.parametrize("width_factor", [None, 2])
def test_the_layer_as_a_whole(width_factor):
    geometry.check_layer(Zoom((0.7, 1.3), width_factor, fill_value=9))


@given(st.floats(0.3, 3))
@settings(max_examples=20)
def test_the_centre_stays(factor):
    images = geometry.pictures((7, 7, 2), number=1)
    found = np.asarray(zoom(images, np.float32([factor]), np.float32([factor])))
    np.testing.assert_allclose(found[0, 3, 3], images[0, 3, 3], atol=1e-5)


def factors(**arguments):
    """The factors that a thousand pictures of a slope in both directions show at their centres."""
    slopes = np.indices((3, 3)).transpose(1, 2, 0).astype("float32")[None].repeat(1000, axis=0)
    found = np.asarray(Zoom(**arguments)(slopes, seed=0, positions=np.arange(1000)))
    return 1 / (found[:, 2, 1, 0] - found[:, 1, 1, 0]), 1 / (found[:, 1, 2, 1] - found[:, 1, 1, 1])


def test_height_and_width_are_alike():
    height, width = factors(factor=(1, 2))
    np.testing.assert_allclose(height, width, rtol=1e-4)


def test_the_width_may_have_factors_of_its_own():
    height, width = factors(factor=(1, 1), width_factor=(1, 2))
    np.testing.assert_allclose(height, 1, rtol=1e-4)
    assert 1 <= width.min() + 1e-4 < 1.01
    assert 1.99 < width.max() < 2.0001


def test_their_logarithms_are_uniform():
    height, _ = factors(factor=(1, 3))
    places = np.sort(np.log(height) / np.log(3))
    assert np.abs(places - (np.arange(1000) + 0.5) / 1000).max() < 1.63 / 1000**0.5  # Kolmogorov–Smirnov, 1 %


def test_a_number_zooms_in_and_out_alike():
    assert Zoom(2).factor == (0.5, 2)


@geometry.both_ways
def test_nothing_is_the_identity(xla):
    images, layer = geometry.pictures(dtype="uint8"), Zoom(1)
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, geometry.POSITIONS)
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"factor": 0.5}, "factor must be a number at least 1, not 0.5"),
        ({"factor": (0, 1)}, r"factor must be \(low, high\) with low above 0, not \(0, 1\)"),
        ({"width_factor": (2, 1)}, r"width_factor must be \(low, high\) with low at most high, not \(2, 1\)"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        Zoom(**arguments)

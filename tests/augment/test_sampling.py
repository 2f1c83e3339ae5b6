"""Affine sampling against scipy, on both ways."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment.arguments import positive, symmetric
from tf_tricks.augment.functional.sampling import affine, around_center, resample
from tf_tricks.errors import RequestError


def random_maps(turned):
    """Twenty maps [b, 6]: a near identity each, with a move; every second turned by 90° if asked for."""
    rng = np.random.default_rng(2)
    a, e = rng.uniform(0.8, 1.3, (2, geometry.NUMBER))
    b, d = rng.uniform(-0.6, 0.6, (2, geometry.NUMBER))
    c, f = rng.uniform(-4, 4, (2, geometry.NUMBER))
    maps = np.stack([a, b, c, d, e, f], axis=1)
    if turned:
        maps[::2] = maps[::2][:, [1, 0, 2, 4, 3, 5]]
    return maps.astype("float32")


def references(images, maps, fill_value):
    """By scipy, whose matrices go (row, column)."""
    found = []
    for image, (a, b, c, d, e, f) in zip(images, maps.astype("float64")):
        found.append(geometry.sampled(image, [[e, d], [b, a]], [f, c], fill_value))
    return np.stack(found)


@geometry.both_ways
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_bilinear_sampling_is_that_of_scipy(xla, turned, fill_value):
    images, maps = geometry.pictures(), random_maps(turned)
    found = geometry.by(lambda x, m: affine(x, m, fill_value=fill_value, shrink=0.8, turns=turned), xla, images, maps)
    np.testing.assert_allclose(found, references(images, maps, fill_value), atol=1e-4)


@geometry.both_ways
@pytest.mark.parametrize("turned", [False, True])
def test_nearest_sampling_of_large_whole_numbers(xla, turned):
    masks, maps = geometry.classes(), random_maps(turned)
    a, b, c, d, e, f = maps.T.astype("float64")[..., None, None]
    i, j = np.mgrid[:11, :14]
    wanted = geometry.nearest(masks, d * j + e * i + f, a * j + b * i + c, -3)
    found = geometry.by(lambda x, m: affine(x, m, "nearest", -3, 0.8, turned), xla, masks[..., None], maps)[..., 0]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float16", "float32"])
@geometry.both_ways
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_the_identity(xla, dtype, interpolation):
    images = geometry.pictures(dtype=dtype)
    maps = np.tile(np.array([[1, 0, 0, 0, 1, 0]], "float32"), (len(images), 1))
    found = geometry.by(lambda x, m: affine(x, m, interpolation), xla, images, maps)
    np.testing.assert_array_equal(found, images)
    assert found.dtype == images.dtype


@geometry.both_ways
def test_half_precision_has_places_of_full_precision(xla):
    """In bfloat16 the column 200 and its neighbours would be one."""
    images = np.arange(400, dtype="float16").reshape(1, 1, 400, 1)
    maps = np.array([[1, 0, -1, 0, 1, 0]], "float32")
    found = geometry.by(affine, xla, images, maps)[0, 0, 1:, 0]
    np.testing.assert_array_equal(found, np.arange(399))


@geometry.both_ways
@pytest.mark.parametrize("size", [(11, 14), (7, 20)])
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_resampling_is_that_of_scipy(xla, size, fill_value):
    images = geometry.pictures()
    a, _, c, _, e, f = random_maps(False).T
    found = geometry.by(lambda x, *p: resample(x, p[:2], p[2:], size, fill_value=fill_value), xla, images, e, f, a, c)
    wanted = [
        geometry.sampled(image, np.diag(scale), move, fill_value, size)
        for image, scale, move in zip(images, np.stack([e, a], 1), np.stack([f, c], 1))
    ]
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-4)


@geometry.both_ways
def test_without_fill_value_the_outermost_pixels_go_on(xla):
    image = np.array([2, 4, 8], "float32").reshape(1, 1, 3, 1)
    one, zero, start = (np.array([number], "float32") for number in (1, 0, -0.75))

    def sample(image, one, zero, start):
        return resample(image, (one, zero), (one, start), (1, 4), fill_value=None)

    found = geometry.by(sample, xla, image, one, zero, start)
    np.testing.assert_allclose(found.ravel(), [2, 2.5, 5, 8])


def test_the_centre_stays():
    linear = np.random.default_rng(0).uniform(-2, 2, (4, 3)).astype("float32")
    a, b, c, d, e, f = np.asarray(around_center(linear, 5, 8)).T
    np.testing.assert_allclose([a * 3.5 + b * 2 + c, d * 3.5 + e * 2 + f], [[3.5] * 3, [2] * 3], rtol=1e-6)


@given(st.floats(-1, 1), st.floats(0.5, 2), st.floats(-9, 9))
@settings(max_examples=20)
def test_results_lie_between_the_images_and_the_fill_value(slant, scale, move):
    images = geometry.pictures(number=1)
    maps = np.array([[scale, slant, move, -slant, scale, -move]], "float32")
    for fill_value in (0.0, 1.5):
        found = np.asarray(affine(images, maps, fill_value=fill_value))
        assert min(images.min(), fill_value) - 1e-6 <= found.min()
        assert found.max() <= max(images.max(), fill_value) + 1e-6


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        (symmetric, ("x", -1, 1), "x must be a number at least 0 and at most 1, not -1"),
        (symmetric, ("x", (0, 2), 1), "x must be a number at least -1 and at most 1, not 2"),
        (symmetric, ("x", "a", 1), "x must be a number at least 0 and at most 1, not 'a'"),
        (positive, ("scale", (0, 1)), r"scale must be \(low, high\) with low above 0, not \(0, 1\)"),
        (positive, ("scale", (2, 1)), r"scale must be \(low, high\) with low at most high, not \(2, 1\)"),
    ],
)
def test_unusable_ranges_get_a_sentence(function, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        function(*arguments)


def test_ranges():
    assert symmetric("x", 0.5, 1) == (-0.5, 0.5)
    assert symmetric("x", (0, 1), 1) == (0, 1)
    assert positive("scale", [0.5, 1]) == (0.5, 1)

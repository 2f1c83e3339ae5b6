"""Moves of whole pixels against a loop in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import geometry

from tf_tricks.augment import PadAndCrop
from tf_tricks.augment.functional.shifting import shift_and_flip
from tf_tricks.errors import RequestError

LAYER = PadAndCrop(pad=2, fill_value=7)


def moves(most, number=geometry.NUMBER):
    """How far crops lie down and to the right, the extremes among them, and which are flipped."""
    rng = np.random.default_rng(3)
    down, right = rng.integers(-most, most + 1, (2, number)).astype("int32")
    down[:2], right[:2] = (-most, most), (most, -most)
    return down, right, rng.random(number) < 0.5


def reference(images, down, right, flipped, fill_value, most):
    """Pad, crop, flip, one image at a time."""
    height, width = images.shape[1:3]
    results = []
    for image, below, beside, flips in zip(images, down, right, flipped):
        padded = np.pad(image, [(most, most), (most, most), (0, 0)], constant_values=fill_value)
        crop = padded[most + below :, most + beside :][:height, :width]
        results.append(crop[:, ::-1] if flips else crop)
    return np.stack(results)


@geometry.both_ways
@pytest.mark.parametrize("shape", [(8, 6, 3), (5, 5, 1)])
@pytest.mark.parametrize("most", [0, 1, 4, 5, 50])
@pytest.mark.parametrize("flips", [True, False])
def test_shifts_and_flips_are_those_of_the_loop(xla, shape, most, flips):
    images, (down, right, flipped) = geometry.pictures(shape, "uint8"), moves(most)
    wanted = reference(images, down, right, flipped & flips, 9, most)
    if flips:
        found = geometry.by(lambda *x: shift_and_flip(*x, 9, largest=most), xla, images, down, right, flipped)
    else:
        found = geometry.by(lambda *x: shift_and_flip(*x, None, 9, largest=most), xla, images, down, right)
    np.testing.assert_array_equal(found, wanted)


@geometry.both_ways
def test_without_a_bound_any_shift_is_possible(xla):
    images, (down, right, flipped) = geometry.pictures(dtype="uint8"), moves(20)
    found = geometry.by(lambda *x: shift_and_flip(*x, 9), xla, images, down, right, flipped)
    np.testing.assert_array_equal(found, reference(images, down, right, flipped, 9, 20))


@geometry.both_ways
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float16", "float32"])
def test_pixels_of_any_dtype_are_copied(xla, dtype):
    images, (down, right, flipped) = geometry.pictures(dtype=dtype), moves(3)
    found = geometry.by(lambda *x: shift_and_flip(*x, 2, largest=3), xla, images, down, right, flipped)
    assert found.dtype == images.dtype
    np.testing.assert_array_equal(found, reference(images, down, right, flipped, 2, 3))


@geometry.both_ways
def test_not_a_number_stays_where_it_is(xla):
    images = np.array([np.nan, 1, 2, 3], "float32").reshape(1, 1, 4, 1)
    found = geometry.by(lambda *x: shift_and_flip(*x, None, largest=1), xla, images, *np.array([[0], [1]], "int32"))
    assert found.ravel().tolist() == [1, 2, 3, 0]


@given(st.integers(-6, 6), st.integers(-6, 6))
@settings(max_examples=20)
def test_there_and_back_leaves_what_stayed_inside(down, right):
    images = geometry.pictures((6, 6, 1), "uint8", 1)
    down, right = np.array([[down], [right]], "int32")
    back = np.asarray(shift_and_flip(shift_and_flip(images, down, right), -down, -right))
    assert ((back == images) | (back == 0)).all()
    assert (back != 0).sum() == max(0, 6 - abs(down[0])) * max(0, 6 - abs(right[0]))


def test_the_layer_as_a_whole():
    geometry.check_layer(LAYER)


@geometry.both_ways
def test_masks_move_with_their_images(xla):
    images = geometry.pictures(dtype="uint8")
    layer = PadAndCrop(pad=3, fill_value=1, mask_fill_value=1)
    found = geometry.by(lambda x, m, p: layer(x, None, 0, p, m)[::2], xla, images, images, geometry.POSITIONS)
    np.testing.assert_array_equal(*found)


def test_every_shift_up_to_pad_occurs():
    images = np.zeros((500, 5, 5, 1), "uint8")
    images[:, 2, 2] = 1
    found = np.asarray(PadAndCrop(pad=2)(images, seed=0, positions=np.arange(500)))
    np.testing.assert_array_equal(found.any(axis=0), np.ones((5, 5, 1), bool))


def test_without_pad_nothing_changes():
    images = geometry.pictures(dtype="uint8")
    np.testing.assert_array_equal(PadAndCrop(pad=0)(images, seed=0, positions=geometry.POSITIONS), images)


def test_pad_larger_than_the_image_gets_a_sentence():
    with pytest.raises(RequestError, match="pad must be at most the images' size, 11, not 12"):
        PadAndCrop(pad=12)(geometry.pictures(), seed=0, positions=geometry.POSITIONS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"pad": -1}, "pad must be an integer at least 0, not -1"),
        ({"pad": 1.5}, "pad must be an integer at least 0, not 1.5"),
        ({"fill_value": "black"}, "fill_value must be a number, not 'black'"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        PadAndCrop(**arguments)

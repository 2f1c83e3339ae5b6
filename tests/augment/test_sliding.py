"""Moves along one axis against scipy and NumPy, where XLA compiles."""

import numpy as np
import pytest
from support import geometry

from tf_tricks.augment.functional.sliding import slide, window


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("largest", [2.5, 3.0, 70.0])
@pytest.mark.parametrize("fill_value", [0.0, 0.7])
def test_it_is_that_of_scipy(axis, largest, fill_value):
    images = geometry.pictures()
    shift = np.random.default_rng(0).uniform(-largest, largest, (geometry.NUMBER, 1)).astype("float32")
    shift[:2, 0] = -largest, largest
    found = geometry.by(lambda x, s: slide(x, s, axis, largest, fill_value=fill_value), True, images, shift)
    moves = [np.insert([0.0], axis - 1, one) for one in shift[:, 0]]
    wanted = [geometry.sampled(image, np.eye(2), move, fill_value) for image, move in zip(images, moves)]
    np.testing.assert_allclose(found, np.stack(wanted), atol=1e-4)


def test_each_row_may_have_its_own_move():
    image = np.array([[1, 2, 3], [4, 5, 6]], "float32")[None, :, :, None]
    shift = np.array([[1, -0.5]], "float32")
    found = geometry.by(lambda x, s: slide(x, s, 2, 1), True, image, shift)
    assert found[0, :, :, 0].tolist() == [[2, 3, 0], [2, 4.5, 5.5]]


def test_each_column_may_have_its_own_move():
    image = np.array([[1, 2, 3], [4, 5, 6]], "uint8")[None, :, :, None]
    shift = np.array([[1, -1, 0]], "float32")
    found = geometry.by(lambda x, s: slide(x, s, 1, 1, "nearest", 9), True, image, shift)
    assert found[0, :, :, 0].tolist() == [[4, 9, 3], [9, 2, 6]]


@pytest.mark.parametrize("number", [1, 7, 80, 81, 150])
def test_a_window_starts_at_its_offset(number):
    images = np.arange(1, 4 * 160 + 1).reshape(4, 1, 160, 1)
    offset = np.array([0, number // 2, number - 2, number - 1], "int32").clip(0)
    found = geometry.by(lambda x, o: window(x, o[:, None, None, None], 2, 9, number), True, images, offset)
    wanted = [image[:, start : start + 9] for image, start in zip(images, offset)]
    np.testing.assert_array_equal(found, wanted)

"""Programs that look pixels up."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.augment.functional.gathering import between, crops
from tf_tricks.augment.functional.rectangles import paint

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 6, 7, 3)).astype("uint8")
DOWN, RIGHT = np.array([[0, 2, -2, 1, -1], [-3, 0, 3, 2, -1]], "int32")


@pytest.mark.parametrize("more", [0, 1])
def test_crops_are_parts_of_padded_images(more):
    found = tf.function(crops, jit_compile=True)(IMAGES, DOWN, RIGHT, (2, 3), 9.0, more)
    padded = np.pad(IMAGES, [(0, 0), (2, 3), (3, 4), (0, 0)], constant_values=9)
    for n in range(5):
        top, left = DOWN[n] + 2, RIGHT[n] + 3
        np.testing.assert_array_equal(found[n], padded[n, top : top + 6 + more, left : left + 7 + more])


def test_the_same_program_crops_at_all_places():
    # Were the places constants to XLA, it would compile for each batch.
    function = tf.function(lambda x, down, right: crops(x, down, right, (2, 3), 9.0), jit_compile=True)

    def program(down, right):
        values = (tf.constant(x) for x in (IMAGES, down, right))
        return function.experimental_get_compiler_ir(*values)(stage="hlo")

    assert program(DOWN, RIGHT) == program(-DOWN, -RIGHT)


def test_between_pixels_is_bilinear():
    down, right = np.linspace(0, 1, 5, dtype="float32"), np.linspace(1, 0.2, 5, dtype="float32")
    x = IMAGES.astype("float32")
    d, r = down[:, None, None, None], right[:, None, None, None]
    upper, lower = ((1 - r) * rows[:, :, :-1] + r * rows[:, :, 1:] for rows in (x[:, :-1], x[:, 1:]))
    np.testing.assert_allclose(between(x, down, right), (1 - d) * upper + d * lower, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("noise", [False, True])
def test_paint_covers_the_rectangle_and_nothing_else(noise):
    top, left, height, width = DOWN, RIGHT, np.array([1, 2, 3, 0, 9], "int32"), np.array([9, 1, 2, 3, 4], "int32")
    others = (255 - IMAGES) if noise else np.uint8(7)
    found = paint(tf.constant(IMAGES), top, left, height, width, tf.constant(others))
    wanted = IMAGES.copy()
    for n in range(5):
        rows, columns = (slice(max(0, a), max(0, a + b)) for a, b in ((top[n], height[n]), (left[n], width[n])))
        wanted[n, rows, columns] = others[n, rows, columns] if noise else others
    np.testing.assert_array_equal(found, wanted)

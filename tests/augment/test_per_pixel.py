"""Functions of a pixel's channels: by words, by compiled values and by kernels alike."""

import numpy as np
import pytest
from keras import ops
from support import colours

from tf_tricks.augment.functional.per_pixel import per_pixel


def halves(red, green, blue, shift):
    """Other channels, of which some values lie halfway between two levels and some out of the range."""
    return blue / 2 + shift, red / 2 + green, green - 2 * shift


def turned(red, green, blue):
    return green, blue, red


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_channels_are_those_of_the_function(dtype):
    images = colours.pictures(dtype)
    for found in colours.all_ways(lambda x: per_pixel(turned, x), images):
        np.testing.assert_array_equal(found, images[..., [1, 2, 0]])


def test_whole_numbers_are_rounded_and_cut_to_their_range():
    images = colours.pictures()
    red, green, blue = (images[..., n].astype("float32") for n in range(3))
    wanted = np.clip(np.round(np.stack(halves(red, green, blue, 30.0), axis=-1)), 0, 255)

    def function(x):
        return per_pixel(of_whole_numbers, x, 30.0)

    for found in colours.all_ways(function, images):
        np.testing.assert_array_equal(found, wanted)


def of_whole_numbers(red, green, blue, shift):
    return halves(*(ops.cast(channel, "float32") for channel in (red, green, blue)), shift)

"""Raw images as pixels from 0 to 255, whatever their range and their number of channels."""

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.models.pixels import pixel_input


def pixels(x, **arguments):
    return keras.Model(*pixel_input("net", x.shape[1:], str(x.dtype), **arguments))(x).numpy()


@pytest.mark.parametrize(
    ("values", "value_range"), [([0, 51, 255], (0, 255)), ([0, 0.2, 1], (0, 1)), ([-1, -0.6, 1], (-1, 1))]
)
def test_every_range_becomes_that_of_pixels(values, value_range):
    x = np.array(values, "float32").reshape(1, 1, 1, 3)
    np.testing.assert_allclose(pixels(x, value_range=value_range).ravel(), [0, 51, 255], rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_gray_is_repeated_in_float32(policy):
    keras.config.set_dtype_policy(policy)
    found = pixels(np.array([[[[7]], [[255]]]], "uint8"))
    assert found.dtype == "float32"
    np.testing.assert_array_equal(found, [[[[7, 7, 7]], [[255, 255, 255]]]])


@pytest.mark.parametrize(
    ("mean", "deviation", "value_range", "refused"),
    [
        (0.5, 0.3, (0, 255), True),
        (0.0, 1.0, (0, 255), True),
        (33.3, 78.6, (0, 255), False),  # MNIST's
        (5.0, 6.0, (0, 255), False),
        (0.5, 0.3, (0, 1), False),
    ],
)
def test_images_that_were_scaled_are_seen(mean, deviation, value_range, refused):
    x, moments = np.zeros((1, 1, 1, 1), "float32"), {"mean": [mean], "variance": [deviation**2]}
    if not refused:
        assert pixels(x, value_range=value_range, **moments).shape == (1, 1, 1, 3)
        return
    with pytest.raises(RequestError, match=r"net takes pixels from 0 to 255, and these images have .*=\[0, 1\]"):
        pixels(x, value_range=value_range, **moments)

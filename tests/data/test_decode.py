"""Windows of images, and what is made of them."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.data.decode import central_window, decode, random_window

WIDE = [60, 100, 3]


def ramp(height, width):
    """An image without sharp edges, which JPEG keeps well."""
    rows, columns = np.meshgrid(np.linspace(20, 120, height), np.linspace(0, 100, width), indexing="ij")
    return np.stack([rows, columns, rows + columns], axis=-1).astype("uint8")


@pytest.mark.parametrize(
    ("shape", "fraction", "expected"),
    [
        (WIDE, 1.0, [0, 20, 60, 60]),
        ([100, 60, 3], 0.5, [35, 15, 30, 30]),
        ([256, 256, 3], 224 / 256, [16, 16, 224, 224]),
        ([1, 1, 3], 0.1, [0, 0, 1, 1]),
    ],
)
def test_the_central_window(shape, fraction, expected):
    assert central_window(fraction)(tf.constant(shape), 0).numpy().tolist() == expected


@pytest.fixture(scope="module")
def random_windows():
    window = tf.function(random_window(seed=5))
    return np.array([window(tf.constant(WIDE), tf.constant(k, tf.int64)) for k in range(300)])


def test_random_windows_lie_inside_the_image(random_windows):
    top, left, height, width = random_windows.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 60).all()
    assert (left + width <= 100).all()


def test_random_windows_have_8_to_100_percent_of_the_area(random_windows):
    area = random_windows[:, 2] * random_windows[:, 3] / 6000
    assert area.min() > 0.07  # whole pixels
    assert area.min() < 0.15
    assert area.max() > 0.7


def test_random_windows_have_aspect_ratios_from_3_4_to_4_3(random_windows):
    width, height = random_windows[:, 3], random_windows[:, 2]
    assert (width / height > (width - 1) / (width * 4 / 3 + 1)).all()
    assert (width - 1 <= (height + 1) * 4 / 3).all()
    assert (height - 1 <= (width + 1) * 4 / 3).all()


def test_a_random_window_is_a_function_of_seed_and_position():
    position = tf.constant(11, tf.int64)
    first, again, other = (random_window(seed)(tf.constant(WIDE), position).numpy().tolist() for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("encode", "tolerance"), [(tf.io.encode_png, 0.5), (tf.io.encode_jpeg, 6)], ids=["png", "jpeg"]
)
def test_a_window_is_cut_out_and_resized(encode, tolerance):
    image = ramp(40, 60)
    decoded = decode(encode(image), lambda shape, position: tf.constant([8, 20, 16, 24]), 0, 12)
    expected = tf.image.resize(image[8:24, 20:44], [12, 12])
    np.testing.assert_allclose(decoded.numpy().astype(float), expected, atol=tolerance)


def test_the_pixels_of_an_unscaled_png_are_kept():
    image = np.random.RandomState(0).randint(0, 256, (7, 7, 1)).astype("uint8")
    np.testing.assert_array_equal(decode(tf.io.encode_png(image), central_window(1.0), 0, 7, channels=1), image)


def test_a_gray_image_among_colours_gets_three_channels():
    decoded = decode(tf.io.encode_png(np.full((9, 9, 1), 50, "uint8")), central_window(1.0), 0, 4)
    np.testing.assert_array_equal(decoded, np.full((4, 4, 3), 50))


def test_shrinking_averages_all_pixels():
    board = np.indices((64, 64)).sum(axis=0) % 2 * 200
    decoded = decode(tf.io.encode_png(board[..., np.newaxis].astype("uint8")), central_window(1.0), 0, 8, channels=1)
    np.testing.assert_allclose(decoded, np.full((8, 8, 1), 100), atol=5)

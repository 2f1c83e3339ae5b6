"""Random resized crops against scipy, and their distributions."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from support import geometry

from tf_tricks.augment import RandomResizedCrop
from tf_tricks.augment.functional.motions import crop_and_resize
from tf_tricks.augment.geometry.random_resized_crop import random_part
from tf_tricks.errors import RequestError


def parts():
    """Twenty parts of 11×14 pixels, the whole among them: top, left, height, width."""
    rng = np.random.default_rng(7)
    height, width = rng.uniform(0.2, 1, (2, geometry.NUMBER)) * [[11], [14]]
    height[0], width[0] = 11, 14
    top, left = rng.random((2, geometry.NUMBER)) * [11 - height, 14 - width]
    return np.stack([top, left, height, width]).astype("float32")


@geometry.both_ways
@pytest.mark.parametrize("size", [(11, 14), (5, 20)])
def test_parts_are_those_of_scipy(xla, size):
    images, wanted = geometry.pictures(), []
    for image, (top, left, height, width) in zip(images, parts().T.astype("float64")):
        rows = top + (np.arange(size[0]) + 0.5) * height / size[0] - 0.5
        columns = left + (np.arange(size[1]) + 0.5) * width / size[1] - 0.5
        places = np.meshgrid(rows, columns, indexing="ij")
        channels = [ndimage.map_coordinates(image[..., n], places, order=1, mode="nearest") for n in range(3)]
        wanted.append(np.stack(channels, axis=-1))
    found = geometry.by(lambda *x: crop_and_resize(*x, size), xla, images, *parts())
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@geometry.both_ways
def test_masks_are_sampled_at_the_nearest(xla):
    masks = geometry.classes()
    top, left, height, width = parts().astype("float64")[..., None, None]
    i, j = np.mgrid[:5, :20]
    wanted = geometry.nearest(masks, top + (i + 0.5) * height / 5 - 0.5, left + (j + 0.5) * width / 20 - 0.5)
    found = geometry.by(lambda *x: crop_and_resize(*x, (5, 20), "nearest"), xla, masks[..., None], *parts())
    np.testing.assert_array_equal(found[..., 0], wanted)


def test_uint8_is_rounded():
    geometry.check_uint8_is_rounded(lambda x: crop_and_resize(x, *parts(), (11, 14)))


@pytest.mark.parametrize("arguments", [{}, {"size": (6, 9)}, {"scale": None, "size": 7}])
def test_the_layer_as_a_whole(arguments):
    geometry.check_layer(RandomResizedCrop(**arguments))


@geometry.both_ways
def test_a_plain_crop_copies_pixels_from_every_place(xla):
    images = np.arange(20, dtype="float32").reshape(1, 4, 5, 1).repeat(300, axis=0)
    layer = RandomResizedCrop(scale=None, size=(2, 3))
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, np.arange(300))[..., 0]
    first = found[:, :1, :1]
    np.testing.assert_array_equal(found - first, np.array([[0, 1, 2], [5, 6, 7]])[None].repeat(300, axis=0))
    assert set(first.ravel()) == {5 * i + j for i in range(3) for j in range(3)}


@geometry.both_ways
def test_the_whole_image_is_the_identity(xla):
    images, layer = geometry.pictures(dtype="uint8"), RandomResizedCrop((1, 1), (14 / 11, 14 / 11))
    found = geometry.by(lambda x, p: layer(x, seed=0, positions=p), xla, images, geometry.POSITIONS)
    np.testing.assert_array_equal(found, images)


@given(st.floats(0.01, 1), st.floats(0, 1), st.integers(1, 300), st.integers(1, 300))
@settings(max_examples=20)
def test_parts_fit_and_have_their_area_where_that_is_possible(area, place, height, width):
    rows, columns = (
        float(side[0]) for side in random_part(np.float32([area]), np.float32([place]), (3 / 4, 4 / 3), height, width)
    )
    assert 0 < rows <= height
    assert 0 < columns <= width
    room = min(height / (3 / 4) ** 0.5, width * (3 / 4) ** 0.5) / (height * width) ** 0.5
    if area**0.5 < 0.75 * room:
        assert rows * columns == pytest.approx(area * height * width, rel=1e-4)
        assert 3 / 4 - 1e-4 <= columns / rows <= 4 / 3 + 1e-4


def test_areas_and_shapes_have_their_distributions():
    rng = np.random.default_rng(0)
    area, place = rng.uniform(0.1, 0.5, 1000).astype("float32"), rng.random(1000).astype("float32")
    rows, columns = map(np.asarray, random_part(area, place, (3 / 4, 4 / 3), 64, 64))
    np.testing.assert_allclose(rows * columns / 64**2, area, rtol=1e-4)
    np.testing.assert_allclose(np.log(columns / rows), (2 * place - 1) * np.log(4 / 3), atol=1e-4)


def test_areas_are_uniform_also_on_images_that_are_not_square():
    area, place = np.random.default_rng(0).uniform((0.08, 0), (1, 1), (20_000, 2)).astype("float32").T
    rows, columns = map(np.asarray, random_part(area, place, (3 / 4, 4 / 3), 40, 60))
    parts = rows * columns / (40 * 60)
    room = 40 * (40 * 4 / 3) / (40 * 60)  # of the widest part as high as the image
    np.testing.assert_allclose(parts[area < room], area[area < room], rtol=1e-4)
    assert parts.mean() == pytest.approx(0.53, abs=0.01)


def test_the_size_is_known_inside_a_graph():
    layer = RandomResizedCrop(size=(6, 9))
    spec = tf.TensorSpec([None, 11, 14, 3], tf.uint8), tf.TensorSpec([None], tf.int64)
    graph = tf.function(lambda x, p: layer(x, seed=0, positions=p)).get_concrete_function(*spec)
    assert graph.output_shapes[1:] == [6, 9, 3]
    assert layer.compute_output_shape((None, 11, 14, 3)) == (None, 6, 9, 3)


def test_the_size_is_known_inside_a_model():
    inputs, labels = keras.Input((11, 14, 3), dtype="uint8"), keras.Input(())
    layer = RandomResizedCrop(size=(6, 9))
    assert layer(inputs).shape == (None, 6, 9, 3)
    assert [part.shape for part in layer(inputs, labels)] == [(None, 6, 9, 3), (None,)]


def test_images_smaller_than_a_plain_crop_get_a_sentence():
    with pytest.raises(RequestError, match="size must be at most the images', 11×14, not 12×9"):
        RandomResizedCrop(None, size=(12, 9))(geometry.pictures(), seed=0, positions=geometry.POSITIONS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"scale": (0, 1)}, r"scale must be \(low, high\) with low above 0, not \(0, 1\)"),
        ({"scale": (0.5, 2)}, "scale must be a number at most 1, not 2"),
        ({"ratio": (2, 1)}, r"ratio must be \(low, high\) with low at most high, not \(2, 1\)"),
        ({"size": 0}, "size must be an integer at least 1, not 0"),
        ({"size": (1, 2, 3)}, r"size must be an integer or a pair \(height, width\), not \(1, 2, 3\)"),
        ({"scale": None}, "random_resized_crop needs a size where scale is None"),
    ],
)
def test_an_unusable_argument_gets_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        RandomResizedCrop(**arguments)

"""What the tests of augmentations that move pixels share: pictures, the two ways, and scipy as the reference."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

SEED = 5
NUMBER = 20
POSITIONS = np.arange(1000, 1000 + NUMBER, dtype="int64")

both_ways = pytest.mark.parametrize("xla", [False, True], ids=["host", "xla"])


def pictures(shape=(11, 14, 3), dtype="float32", number=NUMBER):
    """Random images: floats in [0, 1), or integers from 1 to 255."""
    rng = np.random.default_rng(0)
    if "float" in dtype:
        return rng.random((number, *shape)).astype(dtype)
    return rng.integers(1, 256, (number, *shape)).astype(dtype)


def classes(shape=(11, 14), number=NUMBER):
    """Masks of random numbers above those that fit into eight bits."""
    return np.random.default_rng(1).integers(1, 100_000, (number, *shape), "int32")


def by(function, xla, *tensors):
    """The function's result on the way that `xla` names, as a NumPy array or a list of such."""
    result = tf.function(function, jit_compile=xla)(*map(tf.constant, tensors))
    return [part.numpy() for part in result] if isinstance(result, (tuple, list)) else result.numpy()


def sampled(image, matrix, offset=None, fill_value=0.0, size=None, order=1):
    """The image [h, w, c] at matrix · (row, column) + offset, by scipy; without offset about its centre."""
    if offset is None:
        center = (np.array(image.shape[:2]) - 1) / 2
        offset = center - np.asarray(matrix) @ center
    channels = [
        ndimage.affine_transform(
            image[..., n].astype("float64"),
            np.asarray(matrix, "float64"),
            np.asarray(offset, "float64"),
            output_shape=size or image.shape[:2],
            order=order,
            mode="grid-constant",
            cval=fill_value,
            prefilter=False,
        )
        for n in range(image.shape[2])
    ]
    return np.stack(channels, axis=-1)


def nearest(masks, rows, columns, fill_value=0):
    """Masks [b, h, w] at the pixels nearest to (rows, columns), float64 [b, h, w] each, or the fill value."""
    height, width = masks.shape[1:]
    rows, columns = (np.floor(places + 0.5).astype(int) for places in np.broadcast_arrays(rows, columns))
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = masks[np.arange(len(masks))[:, None, None], rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(inside, found, fill_value)


def around(linear, shape):
    """Where each pixel of images of a shape comes from: rows and columns [b, h, w], of maps [b, 2, 2] about centres."""
    centers = (np.array(shape) - 1) / 2
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) - centers
    places = np.einsum("bmn,ijn->bijm", linear, grid) + centers
    return places[..., 0], places[..., 1]


def check_layer(layer, shape=(11, 14, 3)):
    """Whatever moves pixels: the ways agree, a slice is alike, any batch size is possible, masks go the same way."""
    images, masks = pictures(shape, "uint8"), classes(shape[:2])

    def augment(images, masks, positions):
        return layer(images, None, SEED, positions, masks)[::2]

    wanted = by(augment, False, images, masks, POSITIONS)
    assert_alike(by(augment, True, images, masks, POSITIONS), wanted, "XLA")
    part = slice(3, 9)
    for whole, sliced in zip(wanted, by(augment, False, images[part], masks[part], POSITIONS[part])):
        np.testing.assert_array_equal(sliced, whole[part], "another batch, another result")
    spec = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in (images, masks, POSITIONS)]
    unknown = tf.function(augment, input_signature=spec)
    assert_alike(unknown(images, masks, POSITIONS), wanted, "unknown batch size")
    assert unknown(images[:0], masks[:0], POSITIONS[:0])[0].shape == (0, *wanted[0].shape[1:])
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def check_uint8_is_rounded(function):
    """Integers are the rounded results for floats, on both ways."""
    images = pictures(dtype="uint8")
    for xla in (False, True):
        exact = by(function, xla, images.astype("float32"))
        assert np.abs(by(function, xla, images) - exact).max() <= 0.5 + 1e-3


def assert_alike(found, wanted, way):
    """Two ways to compute the same may round a value that lies between two integers to either."""
    (images, masks), (wanted_images, wanted_masks) = found, wanted
    images = np.asarray(images).astype(int)
    assert np.abs(images - wanted_images).max() <= 1, f"{way}: another gray level"
    assert (images != wanted_images).mean() < 0.01, f"{way}: too many other gray levels"
    assert (np.asarray(masks) != wanted_masks).mean() < 0.005, f"{way}: other masks"

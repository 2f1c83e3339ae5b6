"""What the tests of the colour augmentations share: images, Pillow's results, and the ways to compute."""

import numpy as np
import tensorflow as tf
from PIL import Image

SEED = 7
POSITIONS = np.arange(100, 108)


def pictures(dtype="uint8", shape=(20, 17, 3)):
    """Eight images: of all values, of a few, with a constant channel, and constant."""
    images = np.random.RandomState(0).randint(0, 256, (8, *shape))
    images[2:4] = images[2:4] // 4 + 60
    images[4, ..., 0] = 7
    images[5] = 30
    return images.astype(dtype)


def by_pillow(function, images, *parameters):
    """What a function of (Pillow's image, numbers) makes of uint8 images, as floats."""
    results = [np.asarray(function(Image.fromarray(image), *numbers)) for image, *numbers in zip(images, *parameters)]
    return np.stack(results).astype("float32")


def all_ways(function, images, *parameters):
    """What a function makes of images: eagerly, compiled by XLA, and with an unknown batch size."""
    given = [tf.constant(images), *map(tf.constant, parameters)]
    specs = [tf.TensorSpec([None, *one.shape[1:]], one.dtype) for one in given]
    ways = function, tf.function(function, jit_compile=True), tf.function(function, input_signature=specs)
    return [np.asarray(way(*given)) for way in ways]


def assert_alike(results, tolerance):
    """Fails unless all results are the same to within `tolerance`."""
    for other in results[1:]:
        assert other.dtype == results[0].dtype
        np.testing.assert_allclose(other.astype(float), results[0].astype(float), rtol=0, atol=tolerance)

import keras
import numpy as np
import pytest
from scipy import ndimage
from scipy.special import comb

from tf_tricks.errors import RequestError
from tf_tricks.layers.blur_pool import BlurPool2D


@pytest.mark.parametrize("seed", range(24))
def test_it_is_a_binomial_filter_and_every_nth_pixel(seed):
    rng = np.random.default_rng(seed)
    size, strides = [1, 2, 3, 4, 5, 7][seed % 6], [1, 2, 3][seed % 3]
    height, width = rng.integers(4, 12, 2)
    x = rng.normal(size=(2, height, width, 3))
    row = comb(size - 1, np.arange(size)) / 2.0 ** (size - 1)
    # scipy's "mirror" is the reflection without the border pixel itself; an even filter's centre is left of its middle.
    origin = -1 if size % 2 == 0 else 0
    expected = ndimage.correlate1d(x, row, axis=1, mode="mirror", origin=origin)
    expected = ndimage.correlate1d(expected, row, axis=2, mode="mirror", origin=origin)[:, ::strides, ::strides]
    layer = BlurPool2D(size, strides, dtype="float64")
    y = np.asarray(layer(x))
    assert y.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_a_shift_by_one_pixel_changes_less_than_with_plain_striding():
    x = np.random.default_rng(0).normal(size=(8, 33, 33, 1)).astype("float32")
    here, there = x[:, :-1, :-1], x[:, 1:, 1:]

    def change(downsample):
        a, b = np.asarray(downsample(here)), np.asarray(downsample(there))
        # Away from the border; halfway between its neighbours lies what a shift by half an output pixel should give.
        halfway = (a[:, 1:-2, 1:-2] + a[:, 2:-1, 1:-2] + a[:, 1:-2, 2:-1] + a[:, 2:-1, 2:-1]) / 4
        return np.square(b[:, 1:-2, 1:-2] - halfway).mean() / np.square(b).mean()

    assert change(BlurPool2D(5)) < change(BlurPool2D(3)) < 0.5 * change(lambda x: x[:, ::2, ::2])


def test_the_finest_stripes_vanish_wherever_they_lie():
    stripes = np.tile([[1.0, -1.0]], (6, 3)).reshape(1, 6, 6, 1).astype("float32")
    for x in (stripes, -stripes):
        np.testing.assert_array_equal(np.asarray(BlurPool2D()(x)), 0.0)


def test_a_uniform_image_stays_as_it_is():
    x = np.full((1, 5, 4, 2), 3.0, "float32")
    np.testing.assert_array_equal(np.asarray(BlurPool2D()(x)), x[:, :3, :2])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_stays_in_half_precision(policy):
    layer = BlurPool2D(dtype=policy)
    y = layer(np.ones((1, 4, 4, 2), "float32"))
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_array_equal(np.asarray(y).astype("float32"), 1.0)


def test_images_of_unknown_size_are_taken():
    model = keras.Sequential([keras.Input((None, None, 2)), BlurPool2D()])
    assert model.output_shape == (None, None, None, 2)
    assert model.predict(np.ones((1, 5, 6, 2)), verbose=0).shape == (1, 3, 3, 2)


def test_an_image_too_small_gets_a_sentence():
    with pytest.raises(RequestError, match="needs images of at least 2 pixels a side"):
        BlurPool2D()(np.ones((1, 1, 4, 2), "float32"))


@pytest.mark.parametrize(("arguments", "name"), [({"kernel_size": 0}, "kernel_size"), ({"strides": 1.5}, "strides")])
def test_unusable_arguments_get_a_sentence(arguments, name):
    with pytest.raises(RequestError, match=f"{name} must be an integer at least 1"):
        BlurPool2D(**arguments)

"""PatchWhitening: patches without correlations, from a convolution."""

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.layers.patch_whitening import PatchWhitening


def smooth(n, side=12, channels=3, seed=0):
    """Images whose neighbours are correlated, as pixels are, with a mean that is not 0."""
    noise = np.random.default_rng(seed).normal(size=(n, side + 2, side + 2, channels))
    return 100 + 50 * (
        noise[:, :-2, :-2] + noise[:, 1:-1, 1:-1] + noise[:, 2:, 1:-1] + noise.mean(-1, keepdims=True)[:, 2:, 2:]
    )


def patches(images, size):
    n, height, width, _ = images.shape
    rows = [
        images[i, y : y + size, x : x + size].reshape(-1)
        for i in range(n)
        for y in range(height - size + 1)
        for x in range(width - size + 1)
    ]
    return np.array(rows)


@pytest.mark.parametrize(("size", "channels"), [(2, 3), (3, 1)])
def test_the_components_have_the_identity_as_covariance(size, channels):
    images = smooth(40, channels=channels)
    layer = PatchWhitening(size, epsilon=0.0, dtype="float64")
    layer.adapt(images)
    components = np.asarray(layer(images)).reshape(-1, 2 * size**2 * channels)[:, : size**2 * channels]
    np.testing.assert_allclose(components.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(np.cov(components.T, bias=True), np.eye(size**2 * channels), atol=1e-4)


def test_it_is_the_formula():
    images = smooth(6)
    layer = PatchWhitening(2, epsilon=0.01, dtype="float64")
    layer.adapt([images[:1], images[1:]])
    rows = patches(images, 2)
    values, vectors = np.linalg.eigh(np.cov(rows.T, bias=True))
    expected = ((rows - rows.mean(0)) @ vectors / np.sqrt(values + 0.01 * values.mean()))[:, ::-1]
    outputs = np.asarray(layer(images)).reshape(len(rows), -1)
    np.testing.assert_allclose(np.abs(outputs[:, :12]), np.abs(expected), atol=1e-5)  # a direction may be turned round
    np.testing.assert_allclose(outputs[:, 12:], -outputs[:, :12], atol=1e-6)


def test_scaling_the_images_changes_nothing():
    images = smooth(10)
    outputs = []
    for factor in (1.0, 1 / 255):
        layer = PatchWhitening(dtype="float64")
        layer.adapt(factor * images)
        outputs.append(np.asarray(layer(factor * images)))
    np.testing.assert_allclose(*outputs, atol=1e-6)


def test_only_the_bias_is_trained():
    layer = PatchWhitening()
    layer.build((None, 8, 8, 3))
    assert [variable.name for variable in layer.trainable_variables] == ["bias"]
    assert layer.bias.shape == (24,)
    assert layer.compute_output_shape((5, 8, 8, 3)) == (5, 7, 7, 24)


def test_it_is_saved_with_its_filters(tmp_path):
    images = smooth(8).astype("float32")
    layer = PatchWhitening()
    layer.adapt(images)
    model = keras.Sequential([keras.Input((12, 12, 3)), layer])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(images)), np.asarray(model(images)))


@pytest.mark.parametrize("shape", [(4, 10), (4, 1, 8, 3), (4, 8, 8)])
def test_what_is_no_image_of_that_size_is_refused(shape):
    with pytest.raises(RequestError, match=r"^patch_whitening needs images .* of at least 2 × 2 pixels, not \(4, "):
        PatchWhitening().adapt(np.ones(shape))

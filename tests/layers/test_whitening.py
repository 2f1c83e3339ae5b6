import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.layers.whitening import Whitening, whitening_matrix


def _correlated(n, d, seed):
    rng = np.random.default_rng(seed)
    return 5.0 + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))


@settings(max_examples=25)
@given(
    d=st.integers(1, 6),
    method=st.sampled_from(["pca", "zca"]),
    epsilon=st.sampled_from([1e-5, 0.1]),
    seed=st.integers(0, 10**6),
)
def test_it_is_the_formula(d, method, epsilon, seed):
    x = _correlated(40, d, seed)
    layer = Whitening(method, epsilon, dtype="float64")
    layer.adapt([x[:13], x[13:]])
    # The singular vectors of the centered data are the eigenvectors of their covariance.
    _, s, vt = np.linalg.svd(x - x.mean(0), full_matrices=False)
    vt *= np.sign(vt[np.arange(d), np.abs(vt).argmax(1)])[:, None]
    w = vt.T / np.sqrt(s**2 / len(x) + epsilon)
    expected = (x - x.mean(0)) @ (w if method == "pca" else w @ vt)
    np.testing.assert_allclose(np.asarray(layer(x)), expected, atol=1e-6)


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_the_covariance_becomes_the_identity(method):
    x = _correlated(200, 5, seed=0)
    layer = Whitening(method, epsilon=1e-9, dtype="float64")
    layer.adapt(x)
    y = np.asarray(layer(x))
    np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-10)
    np.testing.assert_allclose(np.cov(y.T, bias=True), np.eye(5), atol=1e-5)


def test_zca_is_symmetric_and_the_closest_to_the_input():
    x = _correlated(200, 4, seed=0)
    centered = x - x.mean(0)
    matrix = whitening_matrix(np.cov(x.T, bias=True), "zca", epsilon=0.0)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    distance = np.linalg.norm(centered @ matrix - centered)
    for seed in range(20):
        rotation, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))
        assert np.linalg.norm(centered @ matrix @ rotation - centered) > distance


def test_pca_keeps_the_directions_of_largest_variance():
    x = np.random.default_rng(0).normal(size=(300, 3)) * [1.0, 10.0, 3.0]
    layer = Whitening(num_components=2)
    layer.adapt(x)
    y = np.asarray(layer(x.astype("float32")))
    assert y.shape == layer.compute_output_shape((300, 3)) == (300, 2)
    assert abs(np.corrcoef(y[:, 0], x[:, 1])[0, 1]) > 0.99
    assert abs(np.corrcoef(y[:, 1], x[:, 2])[0, 1]) > 0.99


def test_zca_gives_images_and_pca_rows():
    x = np.random.default_rng(0).normal(size=(30, 3, 2, 1)).astype("float32")
    zca, pca = Whitening("zca"), Whitening("pca")
    for layer in (zca, pca):
        layer.adapt(x)
    assert zca(x).shape == (30, 3, 2, 1)
    assert pca(x).shape == (30, 6)
    assert keras.Sequential([keras.Input((3, 2, 1)), zca]).output_shape == (None, 3, 2, 1)


def test_batch_norm_leaves_correlations_as_they_are_and_whitening_removes_them():
    x = _correlated(100, 3, seed=1)
    batch_norm = keras.layers.BatchNormalization(epsilon=0.0, dtype="float64")
    normalized = np.asarray(batch_norm(x, training=True))
    np.testing.assert_allclose(np.corrcoef(normalized.T), np.corrcoef(x.T), atol=1e-13)
    layer = Whitening(epsilon=0.0, dtype="float64")
    layer.adapt(x)
    np.testing.assert_allclose(np.corrcoef(np.asarray(layer(x)).T), np.eye(3), atol=1e-12)


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_directions_without_variance_give_zero(method):
    # The third feature is the sum of the others, the fourth is constant.
    x = np.random.default_rng(0).normal(size=(50, 2)) * 1000
    x = np.concatenate([x, x.sum(1, keepdims=True), np.full((50, 1), 0.1)], axis=1)
    layer = Whitening(method, epsilon=0.0)
    layer.adapt(x)
    y = np.asarray(layer(x.astype("float32"))).astype("float64")
    assert np.abs(y).max() < 10
    np.testing.assert_allclose(np.linalg.eigvalsh(np.cov(y.T, bias=True)), [0, 0, 1, 1], atol=1e-4)


@pytest.mark.parametrize("method", ["pca", "zca"])
def test_before_it_has_seen_data_it_changes_nothing(method):
    x = _correlated(5, 3, seed=0).astype("float32")
    np.testing.assert_allclose(np.asarray(Whitening(method)(x)), x, rtol=1e-6)


def test_one_example_gives_zero():
    layer = Whitening("zca")
    layer.adapt(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(np.asarray(layer(np.array([[1.0, 2.0]], "float32"))), [[0.0, 0.0]])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_raw_values_outside_float16_are_whitened(policy):
    x = np.array([[1e6], [3e6]], "float32")
    layer = Whitening(dtype=policy)
    layer.adapt(x)
    np.testing.assert_allclose(np.asarray(layer(x)).astype("float32"), [[-1.0], [1.0]], rtol=1e-2)


def test_a_saved_model_whitens_alike(tmp_path):
    x = _correlated(30, 4, seed=0).reshape(30, 2, 2).astype("float32")
    layer = Whitening("pca", num_components=3)
    layer.adapt(x)
    model = keras.Sequential([keras.Input((2, 2)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "zka"}, "no method of whitening 'zka'; did you mean 'zca'"),
        ({"epsilon": -1}, "epsilon must be a number at least 0"),
        ({"num_components": 0}, "num_components must be an integer at least 1"),
        ({"method": "zca", "num_components": 2}, "zca"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, message):
    with pytest.raises(RequestError, match=message):
        Whitening(**arguments)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"num_components": 4}, (None, 3), "at most the 3 features, not 4"),
        ({}, (None, None, 3), "known shape"),
        ({}, (None, 224, 224, 3), "at most 16384, not 150528"),
    ],
)
def test_inputs_that_do_not_fit_get_a_sentence(arguments, shape, message):
    with pytest.raises(RequestError, match=message):
        Whitening(**arguments).build(shape)


def test_data_that_do_not_fit_the_layer_get_a_sentence():
    layer = Whitening()
    layer.build((None, 3))
    with pytest.raises(RequestError, match="built for 3 features, not for 2"):
        layer.adapt(np.ones((4, 2)))
    with pytest.raises(RequestError, match="NaN or infinite"):
        layer.adapt(np.full((4, 3), np.nan))

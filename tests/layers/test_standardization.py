import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.layers.standardization import Standardization


def _standardized(x, axis, epsilon):
    axes = tuple(a for a in range(x.ndim) if a not in axis)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


@settings(max_examples=25)
@given(
    shape=st.sampled_from([(7, 3), (5, 4, 2), (6, 3, 2, 3)]),
    each_place=st.booleans(),
    epsilon=st.sampled_from([0.0, 1e-7, 1e-2]),
    offset=st.sampled_from([0.0, -30.0, 1e4]),
    seed=st.integers(0, 10**6),
)
def test_it_is_the_formula(shape, each_place, epsilon, offset, seed):
    x = offset + np.random.default_rng(seed).normal(size=shape) * np.array([0.5, 2.0, 40.0][: shape[-1]])
    axis = tuple(range(1, len(shape))) if each_place else (len(shape) - 1,)
    layer = Standardization(axis=axis, epsilon=epsilon, dtype="float64")
    layer.adapt([x[:2], x[2:]])
    np.testing.assert_allclose(np.asarray(layer(x)), _standardized(x, axis, epsilon), rtol=1e-6, atol=1e-8)


def test_axis_none_has_one_mean_and_one_variance():
    x = np.random.default_rng(0).normal(3.0, 2.0, (8, 3))
    layer = Standardization(axis=None, dtype="float64")
    layer.adapt(x)
    np.testing.assert_allclose(np.asarray(layer(x)), (x - x.mean()) / np.sqrt(x.var() + 1e-7), atol=1e-12)


def test_it_agrees_with_keras_normalization():
    x = np.random.default_rng(0).normal(3.0, 2.0, (50, 4, 4, 3)).astype("float32")
    ours, theirs = Standardization(), keras.layers.Normalization()
    ours.adapt(x)
    theirs.adapt(x)
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), atol=1e-5)


def test_batches_of_any_kind_give_the_same_statistics():
    import tensorflow as tf

    x, y = np.random.default_rng(0).normal(size=(10, 3)), np.arange(10)
    kinds = [
        x,
        [x[:3], x[3:]],
        ((x[i : i + 4], y[i : i + 4]) for i in range(0, 10, 4)),
        tf.data.Dataset.from_tensor_slices((x, y)).batch(3),
    ]
    for data in kinds:
        layer = Standardization(dtype="float64")
        layer.adapt(data)
        np.testing.assert_allclose(np.asarray(layer.mean), x.mean(0), atol=1e-14)
        np.testing.assert_allclose(np.asarray(layer.variance), x.var(0), atol=1e-14)


def test_digits_survive_a_mean_far_from_zero():
    x = 1e9 + np.random.default_rng(0).normal(size=(5000, 1))
    layer = Standardization(dtype="float64")
    layer.adapt([x[:100], x[100:101], x[101:]])
    np.testing.assert_allclose(np.asarray(layer.variance), (x - 1e9).var(0), rtol=1e-7)


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e6 / 3, 255.0, 1e-20])
def test_a_constant_feature_gives_exactly_zero(constant):
    x = np.stack([np.full(1001, constant), np.arange(1001.0)], axis=1).astype("float32")
    layer = Standardization(epsilon=0.0)
    layer.adapt([x[:7], x[7:500], x[500:]])
    assert (np.asarray(layer(x))[:, 0] == 0.0).all()


def test_a_feature_constant_but_for_rounding_is_not_blown_up():
    x = np.full((100, 1), 1e6, "float32")
    x[::2] = np.nextafter(x[0], np.float32(2e6))
    layer = Standardization()
    layer.adapt(x)
    assert np.abs(np.asarray(layer(x))).max() < 1e-6


def test_one_example_gives_zero():
    layer = Standardization()
    layer.adapt(np.array([[3.0, -0.3]]))
    np.testing.assert_array_equal(np.asarray(layer(np.array([[3.0, -0.3]], "float32"))), [[0.0, 0.0]])


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16"])
def test_raw_values_outside_float16_are_standardized(policy):
    x = np.array([[1e6], [3e6]], "float32")
    layer = Standardization(dtype=policy)
    layer.adapt(x)
    y = layer(x)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_allclose(np.asarray(y).astype("float32"), [[-1.0], [1.0]], rtol=1e-2)


def test_whole_numbers_are_taken():
    x = np.array([[0], [255]], "uint8")
    layer = Standardization()
    layer.adapt(x)
    np.testing.assert_allclose(np.asarray(layer(x)), [[-1.0], [1.0]], rtol=1e-6)


def test_mean_and_variance_can_be_given():
    layer = Standardization(mean=[1.0, 2.0], variance=4.0, epsilon=0.0)
    np.testing.assert_allclose(np.asarray(layer(np.array([[5.0, 0.0]], "float32"))), [[2.0, -1.0]])


def test_a_saved_model_standardizes_alike(tmp_path):
    x = np.random.default_rng(0).normal(3.0, 2.0, (20, 4, 3)).astype("float32")
    layer = Standardization(axis=(1, 2))
    layer.adapt(x)
    model = keras.Sequential([keras.Input((4, 3)), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_what_was_adapted_is_saved_and_not_what_was_given(tmp_path):
    layer = Standardization(mean=[7.0], variance=[9.0])
    layer.adapt(np.array([[0.0], [2.0]]))
    model = keras.Sequential([keras.Input((1,)), layer])
    model.save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").layers[0].mean.numpy().tolist() == [1.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"axis": 0}, "axis must not be 0"),
        ({"axis": 1.5}, "axis must be an integer"),
        ({"epsilon": -1.0}, "epsilon must be a number at least 0"),
        ({"mean": 1.0}, "together"),
        ({"mean": [np.nan], "variance": [1.0]}, "finite"),
        ({"mean": [0.0], "variance": [-1.0]}, "no variance negative"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, message):
    with pytest.raises(RequestError, match=message):
        Standardization(**arguments)


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"axis": -2}, (None, 3), "axis -2 does not exist, or is the batch"),
        ({"axis": 3}, (None, 3), "axis 3 does not exist"),
        ({"axis": 1}, (None, None, 3), "known size"),
        ({"mean": [1.0, 2.0], "variance": 1.0}, (None, 3), r"mean must be a number or have the shape \(3,\)"),
    ],
)
def test_inputs_that_do_not_fit_get_a_sentence(arguments, shape, message):
    with pytest.raises(RequestError, match=message):
        Standardization(**arguments).build(shape)


def test_data_that_do_not_fit_the_layer_get_a_sentence():
    layer = Standardization()
    layer.build((None, 3))
    with pytest.raises(RequestError, match=r"features of shape \(3,\), not for examples of \(2,\)"):
        layer.adapt(np.ones((4, 2)))
    with pytest.raises(RequestError, match="NaN or infinite"):
        layer.adapt(np.full((4, 3), np.inf))

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.layers.weight_standardization import WeightStandardizedConv2D, WeightStandardizedDense


def _standardized(kernel, epsilon, gain=None):
    """Qiao et al., equation (5), and with a gain Brock et al., equation (1), output by output."""
    kernel = np.asarray(kernel).astype("float64")
    result = np.empty_like(kernel)
    for i in range(kernel.shape[-1]):
        w = kernel[..., i]
        result[..., i] = (w - w.mean()) / np.sqrt(np.mean((w - w.mean()) ** 2) + epsilon)
        if gain is not None:
            result[..., i] *= gain[i] / np.sqrt(w.size)
    return result


@settings(max_examples=20)
@given(inputs=st.integers(2, 9), gain=st.booleans(), epsilon=st.sampled_from([1e-10, 1e-2]), seed=st.integers(0, 10**6))
def test_the_dense_layer_is_the_formula(inputs, gain, epsilon, seed):
    rng = np.random.default_rng(seed)
    layer = WeightStandardizedDense(4, "tanh", epsilon=epsilon, gain=gain, dtype="float64")
    layer.build((None, inputs))
    weights = [rng.normal(1.0, 0.5, v.shape) for v in layer.variables]
    layer.set_weights(weights)
    x = rng.normal(size=(5, inputs))
    kernel = _standardized(weights[0], epsilon, weights[2] if gain else None)
    np.testing.assert_allclose(np.asarray(layer(x)), np.tanh(x @ kernel + weights[1]), atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_the_convolution_is_that_of_keras_with_the_standardized_kernel(seed):
    rng = np.random.default_rng(seed)
    gain, groups, strides = bool(seed % 2), [1, 2][seed % 3 == 0], [1, 2][seed % 5 == 0]
    arguments = dict(padding=["same", "valid"][seed % 2], strides=strides, groups=groups, dtype="float64")
    ours = WeightStandardizedConv2D(6, (3, 2), gain=gain, **arguments)
    theirs = keras.layers.Conv2D(6, (3, 2), **arguments)
    for layer in (ours, theirs):
        layer.build((None, 7, 6, 4))
    weights = [rng.normal(1.0, 0.5, v.shape) for v in ours.variables]
    ours.set_weights(weights)
    theirs.set_weights([_standardized(weights[0], 1e-10, weights[2] if gain else None), weights[1]])
    x = rng.normal(size=(2, 7, 6, 4))
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), atol=1e-6)


def test_the_outputs_do_not_depend_on_the_scale_of_the_weights():
    layer = WeightStandardizedConv2D(5, 3)
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    before = np.asarray(layer(x))
    layer.set_weights([1e-2 * layer.get_weights()[0] + 0.3, layer.get_weights()[1]])
    np.testing.assert_allclose(np.asarray(layer(x)), before, atol=1e-3)


def test_training_leaves_the_standardization_to_the_gradient():
    # The applied kernel is orthogonal to a change of mean or scale, and so must be the gradient of what is stored.
    model = keras.Sequential([keras.Input((6,)), WeightStandardizedDense(4, use_bias=False)])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
    rng = np.random.default_rng(0)
    before = model.get_weights()[0]
    model.train_on_batch(rng.normal(size=(8, 6)), rng.normal(size=(8, 4)))
    gradient = before - model.get_weights()[0]
    assert np.abs(gradient).max() > 0.01
    np.testing.assert_allclose(gradient.sum(0), 0.0, atol=1e-5)
    np.testing.assert_allclose((gradient * before).sum(0), 0.0, atol=1e-5)


@pytest.mark.parametrize("gain", [False, True])
@pytest.mark.parametrize("use_bias", [False, True])
def test_saved_layers_keep_the_raw_kernel_and_the_gain(tmp_path, gain, use_bias):
    model = keras.Sequential(
        [
            keras.Input((6, 6, 2)),
            WeightStandardizedConv2D(3, 3, use_bias=use_bias, gain=gain),
            keras.layers.Flatten(),
            WeightStandardizedDense(2, use_bias=use_bias, gain=gain),
        ]
    )
    model.set_weights([np.random.default_rng(0).normal(size=w.shape) for w in model.get_weights()])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_constant_kernel_gives_zero():
    layer = WeightStandardizedDense(3, kernel_initializer="ones", use_bias=False)
    np.testing.assert_array_equal(np.asarray(layer(np.ones((2, 4), "float32"))), 0.0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_standardizes_in_float32(policy):
    # The variance of this kernel, 1e-10, is below what float16 can hold.
    kernel = np.array([[1e-5], [-1e-5]] * 2)
    layer = WeightStandardizedDense(1, use_bias=False, epsilon=0.0, dtype=policy)
    layer.build((None, 4))
    layer.kernel.assign(kernel)
    y = layer(np.eye(4, dtype="float32"))
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_allclose(np.asarray(y).astype("float32"), 1e5 * kernel, rtol=0.02)


def test_a_convolution_in_half_precision_stays_in_half_precision():
    layer = WeightStandardizedConv2D(4, 3, gain=True, dtype="mixed_bfloat16")
    assert keras.backend.standardize_dtype(layer(np.ones((1, 5, 5, 2), "float32")).dtype) == "bfloat16"


@pytest.mark.parametrize(
    "make", [lambda **k: WeightStandardizedConv2D(4, 3, **k), lambda **k: WeightStandardizedDense(4, **k)]
)
def test_an_unusable_epsilon_gets_a_sentence(make):
    with pytest.raises(RequestError, match="epsilon must be a number at least 0, not -1"):
        make(epsilon=-1)

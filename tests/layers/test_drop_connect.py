"""DropConnect: weights and biases dropped with the right probability, one mask a pass, the full kernel at test."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from support.masks import assert_fraction, assert_independent, compiled, objective_outputs, to_numpy, with_one_mask

from tf_tricks.errors import RequestError
from tf_tricks.layers.drop_connect import DropConnectConv2D, DropConnectDense, drop_weights


def set_weights(layer, rng):
    values = [rng.normal(size=w.shape) for w in layer.get_weights()]
    layer.set_weights(values)
    return values


def dense_masks(layer, inputs):
    """Mask of kernel and of bias, read off from the outputs for unit vectors and zeros, with weights of one."""
    layer.build((None, inputs))
    layer.set_weights([np.ones(w.shape) for w in layer.get_weights()])
    rows, bias = with_one_mask(layer, np.eye(inputs), np.zeros((1, inputs)))
    factor = 1 / (1 - layer.rate)
    return np.rint((rows - bias) / factor), np.rint(bias[0] / factor)


@given(rate=st.floats(0.05, 0.95), seed=st.integers(0, 1000), inputs=st.integers(1, 8), units=st.integers(1, 8))
@settings(max_examples=20)
def test_dense_is_a_dense_layer_of_the_masked_weights(rate, seed, inputs, units):
    rng = np.random.default_rng(seed)
    layer = DropConnectDense(units, rate, activation="tanh", seed=seed, dtype="float64")
    layer.activation = keras.activations.linear
    kernel_mask, bias_mask = dense_masks(layer, inputs)
    layer.activation = keras.activations.tanh
    kernel, bias = set_weights(layer, rng)
    x = rng.normal(size=(6, inputs))
    layer.seed_generator.state.assign([seed, 0])
    y = layer(x, training=True)
    expected = np.tanh((x @ (kernel * kernel_mask) + bias * bias_mask) / (1 - rate))
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-9)


def convolution(x, kernel):
    """A valid convolution in plain loops, NumPy float64."""
    height, width, _, filters = kernel.shape
    out = np.zeros((x.shape[0], x.shape[1] - height + 1, x.shape[2] - width + 1, filters))
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            out[:, i, j] = np.einsum("bhwc,hwcf->bf", x[:, i : i + height, j : j + width], kernel)
    return out


@given(rate=st.floats(0.05, 0.95), seed=st.integers(0, 1000), size=st.integers(1, 3), filters=st.integers(1, 4))
@settings(max_examples=20)
def test_conv_is_a_convolution_with_the_masked_weights(rate, seed, size, filters):
    rng = np.random.default_rng(seed)
    layer = DropConnectConv2D(filters, size, rate, seed=seed, dtype="float64")
    layer.build((None, 5, 5, 2))
    kernel, bias = set_weights(layer, rng)
    x = rng.normal(size=(3, 5, 5, 2))
    layer.seed_generator.state.assign([seed, 0])
    y = layer(x, training=True)
    shape, state = kernel.shape, keras.random.SeedGenerator(seed)
    kept = to_numpy(keras.random.uniform((np.prod(shape[:-1]) + 1, filters), dtype="float32", seed=state)) >= rate
    expected = (convolution(x, kernel * kept[:-1].reshape(shape)) + bias * kept[-1]) / (1 - rate)
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("rate", [0.02, 0.5, 0.9])
def test_weights_and_biases_are_dropped_at_the_rate(rate):
    kernel_mask, bias_mask = dense_masks(DropConnectDense(400, rate, seed=1), 300)
    assert_fraction(kernel_mask == 0, rate)
    assert_fraction(bias_mask == 0, rate)
    assert_independent(kernel_mask[1:], kernel_mask[:-1], 1 - rate)
    assert_independent(kernel_mask[:, 1:], kernel_mask[:, :-1], 1 - rate)


def test_calls_draw_independent_masks():
    layer = DropConnectDense(1000, 0.3, use_bias=False, kernel_initializer="ones", seed=1)
    first, second = (to_numpy(layer(np.ones((1, 1)), training=True)) > 0 for _ in range(2))
    assert_independent(first, second, 0.7)


def test_the_same_seed_gives_the_same_masks():
    layers = [DropConnectDense(100, 0.3, kernel_initializer="ones", seed=4) for _ in range(2)]
    np.testing.assert_array_equal(*[layer(np.ones((2, 3)), training=True) for layer in layers])


def test_the_examples_of_a_pass_share_the_mask():
    y = to_numpy(DropConnectDense(100, 0.5, kernel_initializer="ones", seed=1)(np.ones((5, 3)), training=True))
    np.testing.assert_array_equal(y, np.repeat(y[:1], 5, axis=0))


@pytest.mark.parametrize("rate", [0.0, 0.4, 1.0])
def test_at_test_time_it_is_kerass_layer(rate):
    for ours, kerass, shape in [
        (DropConnectDense(4, rate, activation="relu"), keras.layers.Dense(4, activation="relu"), (3, 5)),
        (DropConnectConv2D(4, 3, rate, 2, "same"), keras.layers.Conv2D(4, 3, 2, "same"), (3, 6, 6, 2)),
    ]:
        x = np.random.default_rng(0).normal(size=shape).astype("float32")
        ours(x)
        kerass.build(shape)
        kerass.set_weights(ours.get_weights()[:2])
        np.testing.assert_allclose(ours(x), kerass(x), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("use_bias", [True, False])
def test_rate_zero_is_kerass_layer_in_training_too(use_bias):
    layer, x = DropConnectConv2D(4, 3, 0, use_bias=use_bias), np.ones((1, 5, 5, 2), "float32")
    np.testing.assert_array_equal(layer(x, training=True), layer(x))


@pytest.mark.parametrize("layer", [DropConnectDense(4, 1, bias_initializer="ones"), DropConnectConv2D(4, 3, 1)])
def test_rate_one_gives_zeros(layer):
    x = np.ones((1, 5, 5, 2), "float32")
    np.testing.assert_array_equal(layer(x, training=True), np.zeros(layer(x).shape))


def test_the_mean_over_masks_is_the_test_output():
    layer = DropConnectDense(3, 0.4, bias_initializer="ones", seed=1)
    x = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    draws = np.stack([to_numpy(layer(x, training=True)) for _ in range(600)])
    bound = 5 * draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(abs(draws.mean(axis=0) - to_numpy(layer(x))) < bound)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "mixed_bfloat16"])
def test_half_precision(dtype):
    layer = DropConnectDense(300, 0.01, kernel_initializer="ones", seed=1, dtype=dtype)
    y = layer(ops.ones((1, 1), layer.compute_dtype), training=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    masks = [to_numpy(layer(ops.ones((1, 1), layer.compute_dtype), training=True)) for _ in range(50)]
    assert_fraction(np.array(masks) == 0, 0.01)


def test_grouped_strided_and_dilated_convolutions_are_kerass_with_masked_weights():
    for extra in (dict(groups=2), dict(strides=(2, 2)), dict(dilation_rate=2, use_bias=False)):
        layer = DropConnectConv2D(4, 3, 0.5, padding="same", seed=1, **extra)
        kerass = keras.layers.Conv2D(4, 3, padding="same", **extra)
        x = np.random.default_rng(0).normal(size=(2, 6, 6, 4)).astype("float32")
        layer.build(x.shape)
        kerass.build(x.shape)
        bias = layer.bias
        masked = drop_weights(layer.kernel, bias, 0.5, keras.random.SeedGenerator(1))
        kerass.set_weights([w for w in masked if w is not None])
        np.testing.assert_allclose(layer(x, training=True), kerass(x), rtol=1e-5, atol=1e-5)


def test_a_dropped_weight_gets_no_gradient():
    import tensorflow as tf

    layer = DropConnectDense(50, 0.5, kernel_initializer="ones", use_bias=False, seed=1)
    with tf.GradientTape() as tape:
        y = layer(tf.ones((1, 1)), training=True)
    np.testing.assert_allclose(tape.gradient(y, layer.kernel.value), y)


def test_under_xla():
    y = compiled(DropConnectDense(5000, 0.3, kernel_initializer="ones", seed=1))(ops.ones((2, 1))).numpy()
    assert_fraction(y[0] == 0, 0.3)
    images = compiled(DropConnectConv2D(2000, 1, 0.3, kernel_initializer="ones", seed=1))(ops.ones((1, 2, 2, 1)))
    assert_fraction(images.numpy()[0, 0, 0] == 0, 0.3)


def test_micro_batches_of_the_trainer_have_their_own_masks():
    layer = DropConnectDense(2000, 0.5, kernel_initializer="ones")
    one, again, other = objective_outputs(layer, (4, 1), [8, 8, 12])
    np.testing.assert_array_equal(one, again)
    assert_independent(one[0] > 0, other[0] > 0, 0.5)


@pytest.mark.parametrize("make", [lambda rate: DropConnectDense(2, rate), lambda rate: DropConnectConv2D(2, 3, rate)])
def test_a_rate_out_of_range_gets_a_sentence(make):
    with pytest.raises(RequestError, match="rate must be a number at least 0 and at most 1"):
        make(1.5)

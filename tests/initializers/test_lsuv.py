"""Layer-sequential unit variance, measured independently."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.initializers import lsuv


def numpy_mlp_variances(model, x, activation):
    """The variance of each dense layer's linear output, in float64."""
    variances = []
    for layer in model.layers:
        kernel, bias = (np.asarray(w, np.float64) for w in layer.get_weights())
        z = x @ kernel + bias
        variances.append(z.var())
        x = activation(z)
    return variances


@settings(max_examples=20)
@given(
    name=st.sampled_from(["tanh", "relu"]),
    widths=st.lists(st.integers(3, 24), min_size=1, max_size=4),
    scale=st.sampled_from([1e-2, 1.0, 30.0]),
    seed=st.integers(0, 10**6),
)
def test_unit_variance_against_numpy(name, widths, scale, seed):
    layers = [keras.layers.Dense(width, activation=name) for width in widths]
    model = keras.Sequential([keras.Input((10,)), *layers])
    x = scale * np.random.default_rng(seed).normal(size=(50, 10))
    returned = lsuv(model, x.astype("float32"), seed=seed)
    measured = numpy_mlp_variances(model, x, {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0)}[name])
    np.testing.assert_allclose(measured, 1.0, atol=0.0101)
    np.testing.assert_allclose(list(returned.values()), measured, rtol=1e-4)


def test_the_kernels_are_multiples_of_orthonormal_matrices():
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(6), keras.layers.Dense(8)])
    lsuv(model, np.random.default_rng(0).normal(size=(50, 10)))
    for layer in model.layers:
        values = np.linalg.svd(layer.get_weights()[0], compute_uv=False)
        np.testing.assert_allclose(values, values[0], rtol=1e-5)


def convolutional_model():
    x = inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(x)
    x = keras.layers.Add()([x, keras.layers.SeparableConv2D(8, 3, padding="same", name="separable")(x)])
    x = keras.layers.Dropout(0.5)(keras.layers.MaxPooling2D(2)(x))
    x = keras.layers.DepthwiseConv2D(2, name="depthwise")(x)
    x = keras.layers.Dense(5, activation=keras.layers.LeakyReLU(), name="dense")(keras.layers.Flatten()(x))
    return keras.Model(inputs, x)


def test_a_functional_model_with_convolutions_and_a_skip_connection():
    model = convolutional_model()
    batch = np.random.default_rng(0).normal(size=(32, 8, 8, 3)).astype("float32")
    assert list(lsuv(model, batch)) == ["conv", "separable", "depthwise", "dense"]
    for name in ("separable", "depthwise"):
        outputs = keras.Model(model.inputs[0], model.get_layer(name).output).predict(batch, verbose=0)
        assert outputs.var() == pytest.approx(1.0, abs=0.011)


def test_layers_keep_their_activation_and_their_call():
    model = convolutional_model()
    conv, dense = model.get_layer("conv"), model.get_layer("dense")
    activation = dense.activation
    lsuv(model, np.random.default_rng(0).normal(size=(8, 8, 8, 3)))
    assert conv.activation is keras.activations.relu
    assert dense.activation is activation
    assert "call" not in vars(conv)


def test_a_model_in_a_model_and_a_layer_that_is_called_twice():
    shared = keras.layers.Dense(6, activation="tanh", name="shared")
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, name="first"), shared], name="inner")
    inputs = keras.Input((6,))
    model = keras.Model(inputs, shared(inner(inputs)))
    variances = lsuv(model, np.random.default_rng(0).normal(size=(64, 6)))
    assert list(variances) == ["inner/first", "inner/shared"]
    np.testing.assert_allclose(list(variances.values()), 1.0, atol=0.01)


def test_biases_take_part_and_are_kept():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(30, bias_initializer="random_normal")])
    model.layers[0].bias.assign(0.5 * np.random.default_rng(1).normal(size=30))
    before = np.array(model.layers[0].get_weights()[1])
    (variance,) = lsuv(model, np.random.default_rng(0).normal(size=(64, 4))).values()
    assert variance == pytest.approx(1.0, abs=0.01)
    np.testing.assert_array_equal(model.layers[0].get_weights()[1], before)


def test_no_more_divisions_than_allowed():
    # A bias of variance 4 cannot be scaled away: every division by 2 or more leaves Var(z) > 4.
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.layers[0].bias.assign([-2.0, 2.0])
    (variance,) = lsuv(model, np.random.default_rng(0).normal(size=(64, 4)), max_iterations=3).values()
    assert variance == pytest.approx(4.0, rel=0.1)
    length = np.linalg.norm(model.layers[0].get_weights()[0], axis=0)
    assert (length > 4.0**-3 / 2).all()


def test_seeds():
    batch = np.random.default_rng(0).normal(size=(16, 4))
    kernels = []
    for seed in (1, 1, 2):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4), keras.layers.Dense(4)])
        lsuv(model, batch, seed=seed)
        kernels.append([layer.get_weights()[0] for layer in model.layers])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert np.abs(kernels[0][0] - kernels[2][0]).max() > 0.1
    assert np.abs(kernels[0][0] - kernels[0][1]).max() > 0.1


@pytest.mark.parametrize("batch", [np.zeros((8, 4)), np.full((8, 4), np.nan)])
def test_a_batch_on_which_nothing_varies_leaves_the_model_as_it_was(batch):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(2)])
    before = model.get_weights()
    with pytest.raises(RequestError, match="the variance of the output of 'first' is"):
        lsuv(model, batch)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("arguments", [{"tolerance": 0}, {"max_iterations": 0}, {"max_iterations": 1.5}])
def test_arguments_that_cannot_be(arguments):
    with pytest.raises(RequestError, match=f"{next(iter(arguments))} must be"):
        lsuv(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]), np.ones((2, 4)), **arguments)


def test_a_model_without_kernels():
    with pytest.raises(RequestError, match="has none"):
        lsuv(keras.Sequential([keras.Input((4,)), keras.layers.Flatten()]), np.ones((2, 4)))

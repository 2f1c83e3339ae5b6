"""The variance schemes against the formulas of the lecture's table."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import initializers
from tf_tricks.errors import RequestError

VARIANCES = {
    "small_normal": lambda n_in, n_out: 0.01**2,
    "fan_in_normal": lambda n_in, n_out: 1 / n_in,
    "fan_out_normal": lambda n_in, n_out: 1 / n_out,
    "glorot_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "relu_glorot_normal": lambda n_in, n_out: 4 / (n_in + n_out),
    "he_normal": lambda n_in, n_out: 2 / n_in,
    "he_fan_out_normal": lambda n_in, n_out: 2 / n_out,
}
KERAS = {
    "fan_in_normal": keras.initializers.LecunNormal,
    "glorot_normal": keras.initializers.GlorotNormal,
    "he_normal": keras.initializers.HeNormal,
}


def draw(name, shape, seed):
    return np.asarray(keras.ops.convert_to_numpy(initializers.get({"name": name, "seed": seed})(shape)), np.float64)


@pytest.mark.parametrize("name", VARIANCES)
@settings(max_examples=20)
@given(n_in=st.integers(150, 400), n_out=st.integers(150, 400), seed=st.integers(0, 10**6))
def test_the_variance_of_a_dense_kernel(name, n_in, n_out, seed):
    weights = draw(name, (n_in, n_out), seed)
    assert weights.var() == pytest.approx(VARIANCES[name](n_in, n_out), rel=0.05)  # 5 standard errors
    assert abs(weights.mean()) < 5 * weights.std() / weights.size**0.5


@pytest.mark.parametrize("name", VARIANCES)
def test_the_variance_of_a_convolution_counts_the_area_of_its_kernel(name):
    weights = draw(name, (3, 5, 32, 64), seed=0)
    assert weights.var() == pytest.approx(VARIANCES[name](15 * 32, 15 * 64), rel=0.05)


@pytest.mark.parametrize("name", sorted(set(VARIANCES) - {"small_normal"}))
def test_no_weight_is_beyond_two_of_the_uncorrected_deviations(name):
    weights = draw(name, (300, 200), seed=0)
    limit = 2 * VARIANCES[name](300, 200) ** 0.5 / 0.87962566103423978
    assert 0.99 * limit < np.abs(weights).max() <= limit * (1 + 1e-6)


@pytest.mark.parametrize("name", KERAS)
def test_the_same_as_keras(name):
    np.testing.assert_array_equal(draw(name, (30, 20), 3), keras.ops.convert_to_numpy(KERAS[name](seed=3)((30, 20))))


@pytest.mark.parametrize("name", VARIANCES)
def test_a_saved_model_needs_keras_only(name):
    assert type(initializers.get(name)).__module__.startswith("keras.")


@pytest.mark.parametrize("name", VARIANCES)
def test_seeds(name):
    assert (draw(name, (4, 4), 1) == draw(name, (4, 4), 1)).all()
    assert (draw(name, (4, 4), 1) != draw(name, (4, 4), 2)).any()
    assert (draw(name, (4, 4), None) != draw(name, (4, 4), None)).any()


@pytest.mark.parametrize("name", ["fan_in_normal", "fan_out_normal", "glorot_normal"])
def test_forward_and_backward_variance_of_a_linear_layer(name):
    n_in, n_out, random = 300, 150, np.random.default_rng(0)
    weights = draw(name, (n_in, n_out), seed=0)
    variance = VARIANCES[name](n_in, n_out)
    forward = random.normal(size=(500, n_in)) @ weights
    backward = random.normal(size=(500, n_out)) @ weights.T
    assert forward.var() == pytest.approx(n_in * variance, rel=0.05)
    assert backward.var() == pytest.approx(n_out * variance, rel=0.05)


def second_moment_after(name, widths, x):
    for layer, shape in enumerate(itertools.pairwise(widths)):
        x = np.maximum(x @ draw(name, shape, seed=layer), 0)
    return np.mean(x**2)


def test_the_relu_funnel():
    # Paired seeds: the weights differ by a factor alone, and ReLU lets it through.
    widths, x = [400, 100] * 15 + [400], np.random.default_rng(0).normal(size=(16, 400))
    ratio = second_moment_after("relu_glorot_normal", widths, x) / second_moment_after("he_normal", widths, x)
    assert ratio == pytest.approx(0.64**15, rel=1e-3)


def test_without_a_funnel_relu_glorot_is_hes():
    np.testing.assert_allclose(draw("relu_glorot_normal", (64, 64), 0), draw("he_normal", (64, 64), 0), rtol=1e-6)


@pytest.mark.parametrize("stddev", [0, -0.1, float("nan"), "large"])
def test_a_deviation_that_cannot_be(stddev):
    with pytest.raises(RequestError, match="stddev must be a number above 0"):
        initializers.small_normal(stddev)


@pytest.mark.parametrize(
    ("layer", "n_in", "power"),
    [
        (lambda: keras.layers.DepthwiseConv2D(3, depthwise_initializer="he_normal", use_bias=False), 9, 2 / 64),
        (lambda: keras.layers.Conv2DTranspose(16, 3, kernel_initializer="he_normal", use_bias=False), 9 * 64, 2 * 4),
    ],
    ids=["depthwise", "transposed"],
)
def test_he_normal_counts_the_inputs_of_two_kinds_of_layers_wrongly_and_lsuv_does_not(layer, n_in, power):
    """A card says so: for ReLU n_in Var(w) has to be 2."""
    layer = layer()
    model = keras.Sequential([keras.Input((12, 12, 64)), layer])
    kernel = keras.ops.convert_to_numpy(layer.kernel)
    assert n_in * kernel.var() == pytest.approx(power, rel=0.15)
    images = np.random.default_rng(0).normal(size=(32, 12, 12, 64))
    assert initializers.lsuv(model, images, seed=0)[layer.name] == pytest.approx(1.0, abs=0.01)

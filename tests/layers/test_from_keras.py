import inspect

import keras
import numpy as np
import pytest
from packaging.version import Version

from tf_tricks.layers import from_keras

PAIRS = [
    (from_keras.group_normalization, keras.layers.GroupNormalization),
    (from_keras.layer_normalization, keras.layers.LayerNormalization),
    (from_keras.rms_normalization, keras.layers.RMSNormalization),
]


@pytest.mark.parametrize(("factory", "layer"), PAIRS)
def test_the_arguments_and_their_defaults_are_those_of_keras(factory, layer):
    ours = {p.name: p.default for p in inspect.signature(factory).parameters.values()}
    theirs = [p for p in inspect.signature(layer.__init__).parameters.values() if p.kind is not p.VAR_KEYWORD]
    # Older versions of Keras have `rms_scaling`, which newer ones call deprecated and wrong.
    theirs = {p.name: p.default for p in theirs if p.name not in ("self", "rms_scaling")}
    assert ours == theirs | {"dtype": None, "name": None}


@pytest.mark.parametrize(("factory", "layer"), PAIRS)
def test_the_layer_is_that_of_keras_with_the_arguments_given(factory, layer):
    made = factory(epsilon=0.25, axis=1, name="it", dtype="float64")
    assert type(made) is layer
    assert (made.epsilon, made.axis, made.name, made.compute_dtype) == (0.25, 1, "it", "float64")


@pytest.mark.parametrize("seed", range(20))
def test_the_layers_are_the_formulas(seed):
    x = np.random.default_rng(seed).normal(2.0, 3.0, (3, 4, 5, 6))
    grouped = x.reshape(3, 20, 2, 3)
    mean, variance = grouped.mean((1, 3), keepdims=True), grouped.var((1, 3), keepdims=True)
    expected = [
        ((grouped - mean) / np.sqrt(variance + 1e-3)).reshape(x.shape),
        (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-3),
        x / np.sqrt(np.mean(x**2, -1, keepdims=True) + 1e-6),
    ]
    made = [PAIRS[0][0](groups=2, dtype="float64"), *(factory(dtype="float64") for factory, _ in PAIRS[1:])]
    for layer, y in zip(made, expected, strict=True):
        np.testing.assert_allclose(np.asarray(layer(x)), y, atol=1e-6)


@pytest.mark.parametrize("factory", [factory for factory, _ in PAIRS])
def test_half_precision_does_not_overflow(factory):
    # The squares are outside what float16 can hold; as its card says, Keras 3.10 has its RMS of smaller values only.
    old = factory is from_keras.rms_normalization and Version(keras.__version__) < Version("3.11")
    large = 250.0 if old else 1000.0
    x = np.array([[large, -large] * 32], "float32")
    y = factory(dtype="mixed_float16")(x)
    np.testing.assert_allclose(np.asarray(y).astype("float32"), x / large, atol=2e-3)

"""What is wrong with first weights is found, and by its name; good ones are not touched."""

import keras
import numpy as np
import pytest
from support.patients import assert_left_as_found, digits, iris, mlp, names, patient

from tf_tricks.doctor import measured_signal, propagation


def normal(deviation):
    return keras.initializers.RandomNormal(stddev=deviation, seed=0)


def constant(value):
    return keras.initializers.Constant(value)


def with_value(model, layer, weight, value):
    """The model, of which one weight's elements, or the first of them, are something else."""
    variable = getattr(model.layers[layer], weight)
    array = np.array(variable)
    array.flat[: 1 if np.isnan(value) else None] = value
    variable.assign(array)
    return model


def residual(gamma):
    inputs = keras.Input((4,))
    x = keras.layers.Dense(16)(inputs)
    for _ in range(3):
        y = keras.layers.Dense(16)(keras.layers.ReLU()(keras.layers.BatchNormalization()(x)))
        x = keras.layers.Add()([x, keras.layers.BatchNormalization(gamma_initializer=gamma)(y)])
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.ReLU()(x)))


def lstm():
    layers = [keras.Input((8, 8)), keras.layers.LSTM(16), keras.layers.Dense(10)]
    return keras.Sequential(layers)


BROKEN = {
    "small weights, 40 tanh": ("vanishing_signal", lambda: mlp((4,), 3, [32] * 40, "tanh", normal(0.01))),
    "small weights, relu": ("vanishing_signal", lambda: mlp((4,), 3, [64] * 8, "relu", normal(0.01))),
    "sigmoids": ("vanishing_signal", lambda: mlp((4,), 3, [32] * 8, "sigmoid", "glorot_uniform")),
    "large weights, relu": ("exploding_signal", lambda: mlp((4,), 3, [64] * 8, "relu", normal(1.0))),
    "large weights, two layers": ("exploding_signal", lambda: mlp((4,), 3, [128, 128], "relu", normal(2.0))),
    "large weights, tanh": ("exploding_signal", lambda: mlp((4,), 3, [128] * 3, "tanh", normal(1.0))),
    "saturated": ("saturated_units", lambda: mlp((4,), 3, [128] * 3, "tanh", normal(1.0))),
    "dead": ("dead_units", lambda: with_value(mlp((4,), 3, [32, 32]), 3, "bias", -100.0)),
    "equal weights": ("symmetric_weights", lambda: mlp((4,), 3, [32, 32], kernel=constant(0.1))),
    "zeros": ("symmetric_weights", lambda: mlp((4,), 3, [32, 32], kernel="zeros")),
    "NaN": ("non_finite_weights", lambda: with_value(mlp((4,), 3, [32, 32]), 1, "kernel", np.nan)),
}
HEALTHY = {
    "he": lambda: mlp((4,), 3, [64] * 10),
    "glorot": lambda: mlp((4,), 3, [64] * 4, kernel="glorot_uniform"),
    "tanh": lambda: mlp((4,), 3, [64] * 8, "tanh", "glorot_normal"),
    "batch norm": lambda: mlp((4,), 3, [32] * 10, normalise=True),
    "narrow": lambda: mlp((4,), 3, [8]),
    "linear": lambda: mlp((4,), 3, []),
    "residual": lambda: residual("ones"),
    "branches that begin at 0": lambda: residual("zeros"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_is_named(name):
    expected, make = BROKEN[name]
    checked = assert_left_as_found(propagation.check, patient(make(), iris(), optimizer="sgd", learning_rate=0.1))
    assert expected in names(checked)


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_found_where_nothing_is_wrong(name):
    checked = assert_left_as_found(
        propagation.check, patient(HEALTHY[name](), iris(), optimizer="sgd", learning_rate=0.1)
    )
    assert checked.findings == []


def test_a_recurrent_network_is_no_finding():
    x, y = digits()
    assert propagation.check(patient(lstm(), (x[..., 0], y), optimizer="adam"), lambda line: None).findings == []


def test_large_inputs_are_no_fault_of_the_weights():
    x, y = iris()
    assert (
        propagation.check(patient(mlp((4,), 3, [32, 32]), (100 * x, y), optimizer="sgd"), lambda line: None).findings
        == []
    )


def test_the_scales_are_those_of_numpy():
    x, y = iris()
    model = mlp((4,), 3, [16], "tanh", "glorot_normal")
    one = patient(model, (x, y), optimizer="sgd")
    measured = measured_signal.measure(one)
    inputs, labels, _ = one.batch(128)
    (first, first_bias), (last, last_bias) = (model.layers[i].get_weights() for i in (1, 3))
    hidden = np.tanh(inputs @ first + first_bias)
    logits = hidden @ last + last_bias
    log_probabilities = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    shares = np.bincount(labels) / len(labels)
    assert measured.examples == 128
    assert measured.input_scale == pytest.approx(np.sqrt(np.mean(inputs**2)), rel=1e-5)
    assert measured.output_scale == pytest.approx(np.sqrt(np.mean(logits**2)), rel=1e-5)
    assert measured.loss == pytest.approx(-log_probabilities[np.arange(128), labels].mean(), rel=1e-5)
    assert measured.constant == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-4)
    assert list(measured.saturated.values()) == [pytest.approx(np.mean(np.abs(hidden) >= 0.98))]
    assert next(iter(measured.weight_gains.values())) == pytest.approx(np.sqrt(4 * np.mean(first**2)), rel=1e-5)

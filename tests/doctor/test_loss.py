"""What is said of a loss that takes outputs or labels for something else; and nothing of one that fits."""

import keras
import numpy as np
import pytest
from support import examined

from tf_tricks.doctor import loss
from tf_tricks.doctor.compared import activation_of, compared

layers, losses = keras.layers, keras.losses
NAME = "loss_does_not_fit_outputs"
X, Y = examined.digits()
X = X.reshape(-1, 64)
ONE_HOT = np.eye(10, dtype="float32")[Y]
SEVERAL = np.maximum(ONE_HOT, ONE_HOT[::-1])
VALUES = X.sum(axis=1) - 18


def found(outputs, labels, given, activation=None, **keywords):
    model = examined.mlp(64, outputs, activation)
    return examined.found(loss, model, (X, labels), loss=given, **keywords)


FIT = {
    "logits": (10, Y, losses.SparseCategoricalCrossentropy(from_logits=True)),
    "the package's own": (10, Y, None),
    "softmax": (10, Y, "sparse_categorical_crossentropy", "softmax"),
    "one-hot": (10, ONE_HOT, "categorical_crossentropy", "softmax"),
    "two classes, a sigmoid": (1, Y % 2, "binary_crossentropy", "sigmoid"),
    "two classes, a logit": (1, Y % 2, losses.BinaryCrossentropy(from_logits=True)),
    "several classes": (10, SEVERAL, "binary_crossentropy", "sigmoid"),
    "Brier's score": (10, ONE_HOT, "mean_squared_error", "softmax"),
    "values": (1, VALUES, "mean_squared_error"),
    "values that tanh can reach": (1, VALUES / 20, "mean_squared_error", "tanh"),
}
MISFIT = {
    "softmax taken for logits": (10, Y, losses.SparseCategoricalCrossentropy(from_logits=True), "softmax"),
    "sigmoid taken for a logit": (1, Y % 2, losses.BinaryCrossentropy(from_logits=True), "sigmoid"),
    "logits taken for probabilities": (10, Y, "sparse_categorical_crossentropy"),
    "a logit taken for a probability": (1, Y % 2, "binary_crossentropy"),
    "sigmoids for one class of ten": (10, Y, "sparse_categorical_crossentropy", "sigmoid"),
    "softmax over one output": (1, Y % 2, "binary_crossentropy", "softmax"),
    "one output for two classes": (1, Y % 2, losses.SparseCategoricalCrossentropy(from_logits=True)),
    "integers for one-hot rows": (10, Y, "categorical_crossentropy", "softmax"),
    "one-hot rows for integers": (10, ONE_HOT, "sparse_categorical_crossentropy", "softmax"),
    "integers for several classes": (10, Y, "binary_crossentropy", "sigmoid"),
    "several classes for one": (10, SEVERAL, "categorical_crossentropy", "softmax"),
    "one class for several": (10, ONE_HOT, "binary_crossentropy", "softmax"),
    "logits out of relu": (10, Y, None, "relu"),
    "squared errors of the class's number": (10, Y, "mean_squared_error"),
    "values for classes": (10, VALUES, None),
    "values that a sigmoid cannot reach": (1, VALUES, "mean_squared_error", "sigmoid"),
    "values that relu cannot reach": (1, VALUES, "mean_squared_error", "relu"),
    "three outputs for a value": (3, VALUES, "mean_squared_error"),
    "a logarithm of what is negative": (1, np.abs(VALUES), "poisson"),
}


@pytest.mark.parametrize("arguments", FIT.values(), ids=list(FIT))
def test_a_loss_that_fits(arguments):
    assert not found(*arguments)


@pytest.mark.parametrize("arguments", MISFIT.values(), ids=list(MISFIT))
def test_a_loss_that_does_not_fit(arguments):
    assert list(found(*arguments)) == [NAME]


def test_where_keras_looks_behind_the_softmax_it_is_less_sure():
    given = losses.SparseCategoricalCrossentropy(from_logits=True)
    at_once = examined.mlp(64, 10, "softmax")
    behind = [*examined.mlp(64, 10, "softmax").layers, layers.Reshape((5, 2)), layers.Reshape((10,))]
    between = keras.Sequential([keras.Input((64,)), *behind])
    behind, not_behind = (examined.found(loss, m, (X, Y), loss=given)[NAME] for m in (at_once, between))
    assert behind.confidence < 0.7 < 0.9 < not_behind.confidence
    assert "Keras looks behind" in behind.why
    assert "Keras looks behind" not in not_behind.why


def test_both_losses_are_told():
    model = examined.mlp(64, 10, "softmax")
    given = losses.SparseCategoricalCrossentropy(from_logits=True)
    finding = examined.found(loss, model, (X, Y), loss=given)[NAME]
    outputs, labels, _ = (
        model(examined.patient(model, (X, Y)).batch(128)[0]),
        *examined.patient(model, (X, Y)).batch(128)[1:],
    )
    right = float(losses.SparseCategoricalCrossentropy()(labels, np.asarray(outputs)))
    assert f"as probabilities {right:.4g}" in finding.measured


def test_targets_far_from_what_a_model_gives_at_first():
    finding = found(1, 1000 * VALUES, "mean_squared_error")
    assert list(finding) == ["targets_not_normalised"]


def test_the_first_loss_is_near_ln_k():
    patient = examined.patient(examined.mlp(64, 10), (X, Y))
    measured = loss.check(patient, lambda line: None).measured
    assert measured.expected == pytest.approx(np.log(10))
    assert measured.loss == pytest.approx(np.log(10), rel=0.2)


def test_the_output_that_is_wrong_is_named():
    inputs = keras.Input((64,))
    outputs = {"a": layers.Dense(10, name="a")(inputs), "b": layers.Dense(10, "softmax", name="b")(inputs)}
    logits = losses.SparseCategoricalCrossentropy(from_logits=True)
    model, labels = keras.Model(inputs, outputs), {"a": Y, "b": Y}
    finding = examined.found(loss, model, (X, labels), loss={"a": logits, "b": logits})[NAME]
    assert finding.measured.startswith("output 'b': the outputs come out of a softmax")


def test_activations_are_found():
    def out(*last):
        return activation_of(keras.Sequential([keras.Input((4,)), *last]))

    assert out(layers.Dense(3)) is None
    assert out(layers.Dense(3, "tanh")) == "tanh"
    assert out(layers.Dense(3), layers.ReLU()) == "relu"
    assert out(layers.Dense(3, "softmax"), layers.Reshape((3, 1))) == "softmax"


def test_what_is_compared():
    (one,) = compared(examined.patient(examined.mlp(64, 10), (X, Y)))
    assert (one.kind, one.size, one.from_logits, one.activation) == ("sparse_categorical_crossentropy", 10, True, None)
    assert one.outputs.shape == (128, 10)
    assert one.labels.shape == (128,)

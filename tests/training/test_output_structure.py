"""Names, losses and labels of each output, in the structures that Keras takes."""

import keras
import numpy as np
import pytest
from keras import layers

import tf_tricks as tt
from tf_tricks.data import ArraySource
from tf_tricks.data.labels import describe
from tf_tricks.training.examples import check_examples
from tf_tricks.training.output_structure import aligned, losses_of, names_of
from tf_tricks.training.outputs import outputs_of_one

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
A, B = X[:, :1], np.arange(8) % 2


def model(kind):
    inputs = keras.Input((4,))
    a, b = layers.Dense(1, name="first")(inputs), layers.Dense(1, activation="sigmoid", name="second")(inputs)
    return keras.Model(inputs, {"dict": {"b": b, "a": a}, "list": [a, b], "nested": {"x": [a, b]}}[kind])


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.a, self.b = layers.Dense(1), layers.Dense(1, activation="sigmoid")

    def call(self, inputs):
        return self.a(inputs), self.b(inputs)


CASES = {
    "dict": ({"a": "mse", "b": "binary_crossentropy"}, {"a": A, "b": B}, ["a", "b"]),
    "list": (["mse", "binary_crossentropy"], (A, B), ["first", "second"]),
    "list by name": ({"second": "binary_crossentropy", "first": "mse"}, {"second": B, "first": A}, ["first", "second"]),
    "subclassed": (["mse", "binary_crossentropy"], (A, B), ["0", "1"]),
}


@pytest.mark.parametrize("case", CASES)
def test_each_output_has_its_own(case):
    loss, labels, names = CASES[case]
    made = Subclassed() if case == "subclassed" else model(case.split()[0])
    made(X)
    source = ArraySource(X, labels)
    check_examples(tt.Trainer(made, loss=loss), source, "the data")
    outputs = outputs_of_one(made, source)
    assert names_of(made, outputs) == names
    assert [one.fn.__name__ for one in losses_of(made, outputs)] == ["mean_squared_error", "binary_crossentropy"]
    found = aligned(outputs, labels, names)
    np.testing.assert_array_equal(found[0], A)
    np.testing.assert_array_equal(found[1], B)
    assert [one.kind for one in aligned(outputs, source.labels, names)] == ["values", "classes"]


def test_a_single_output_has_no_name():
    made = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    assert names_of(made, made(X)) == [""]
    assert aligned(made(X), A, [""])[0] is A
    assert aligned(made(X), describe(B), [""])[0].kind == "classes"


def test_one_array_of_weights_is_for_all():
    assert aligned([1, 2], None, ["a", "b"]) == [None, None]
    weights = np.ones(8)
    assert all(one is weights for one in aligned({"a": 1, "b": 2}, weights, ["a", "b"]))


def test_labels_of_some_outputs():
    assert aligned({"a": 1, "b": 2}, {"b": "labels"}, ["a", "b"]) == [None, "labels"]


def test_outputs_within_others():
    made = model("nested")
    assert names_of(made, made(X)) == ["x_0", "x_1"]
    assert aligned(made(X), {"x": ["p", "q"]}, ["x_0", "x_1"]) == ["p", "q"]

"""What outputs mean is read off the losses, the last layer and the labels, and said where it is assumed."""

import keras
import numpy as np
import pytest
from keras import layers, losses

import tf_tricks as tt
from tf_tricks.data import ArraySource
from tf_tricks.errors import RequestError, RunError
from tf_tricks.training.examples import check_examples
from tf_tricks.training.outputs import (
    LOGITS,
    NUMBERS,
    ONE_CLASS,
    PROBABILITIES,
    SCORES,
    SEVERAL_CLASSES,
    TWO_CLASSES,
    describe,
    last_activation,
    outputs_of,
    probabilities,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 6)).astype("float32")
CLASSES = np.arange(12) % 3
MULTI_HOT = np.concatenate([np.ones((1, 3)), RNG.integers(0, 2, (11, 3))])


def outputs(last, labels, loss=None, **arguments):
    model = keras.Sequential([keras.Input((6,)), *last])
    trainer, source = tt.Trainer(model, loss=loss), ArraySource(X, labels, **arguments)
    check_examples(trainer, source, "the data")
    return outputs_of(model, source)


def mine(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_pred), axis=-1)


@pytest.mark.parametrize(
    ("last", "labels", "loss", "task", "gives"),
    [
        ([layers.Dense(3)], CLASSES, None, ONE_CLASS, LOGITS),
        (
            [layers.Dense(3)],
            CLASSES,
            {"name": "sparse_categorical_crossentropy", "from_logits": True},
            ONE_CLASS,
            LOGITS,
        ),
        ([layers.Dense(3, "softmax")], CLASSES, "sparse_categorical_crossentropy", ONE_CLASS, PROBABILITIES),
        ([layers.Dense(3), layers.Softmax()], CLASSES, "crossentropy", ONE_CLASS, PROBABILITIES),
        ([layers.Dense(3, "softmax")], np.eye(3)[CLASSES], "categorical_crossentropy", ONE_CLASS, PROBABILITIES),
        ([layers.Dense(3, "softmax")], np.eye(3)[CLASSES], "kl_divergence", ONE_CLASS, PROBABILITIES),
        ([layers.Dense(3)], np.eye(3)[CLASSES], "categorical_hinge", ONE_CLASS, SCORES),
        ([layers.Dense(1)], CLASSES % 2, losses.BinaryCrossentropy(from_logits=True), TWO_CLASSES, LOGITS),
        ([layers.Dense(1, "sigmoid")], CLASSES % 2, "binary_crossentropy", TWO_CLASSES, PROBABILITIES),
        ([layers.Dense(1), layers.Flatten()], CLASSES % 2, "hinge", TWO_CLASSES, SCORES),
        ([layers.Dense(3)], MULTI_HOT, losses.BinaryCrossentropy(from_logits=True), SEVERAL_CLASSES, LOGITS),
        ([layers.Dense(3, "sigmoid")], MULTI_HOT, "binary_focal_crossentropy", SEVERAL_CLASSES, PROBABILITIES),
        ([layers.Dense(3, "softmax")], np.eye(3)[CLASSES], "binary_crossentropy", ONE_CLASS, PROBABILITIES),
        ([layers.Dense(1)], X[:, :1], "mse", NUMBERS, NUMBERS),
        ([layers.Dense(1, "sigmoid")], X[:, :1], "mean_absolute_error", NUMBERS, NUMBERS),
        ([layers.Dense(3)], X[:, :3], "huber", NUMBERS, NUMBERS),
        ([layers.Dense(3, "softmax")], CLASSES, mine, ONE_CLASS, PROBABILITIES),
        ([layers.Dense(3, "sigmoid")], MULTI_HOT, mine, SEVERAL_CLASSES, PROBABILITIES),
        ([layers.Dense(3)], X[:, :3], mine, NUMBERS, NUMBERS),
        ([layers.Dense(2)], CLASSES, mine, NUMBERS, NUMBERS),
    ],
)
def test_task_and_what_is_given(last, labels, loss, task, gives):
    (output,) = outputs(last, labels, loss)
    assert (output.task, output.gives, output.assumed) == (task, gives, "")


def test_logits_are_assumed_of_a_loss_that_does_not_say_it_and_that_is_said():
    (output,) = outputs([layers.Dense(3)], CLASSES, mine)
    assert (output.task, output.gives) == (ONE_CLASS, LOGITS)
    assert "logits are assumed" in output.assumed


class Mine(keras.losses.Loss):
    def __init__(self):
        super().__init__()
        self.from_logits = False

    def call(self, y_true, y_pred):
        return keras.ops.mean(y_pred, axis=-1)


def test_a_loss_of_ones_own_may_say_it():
    (output,) = outputs([layers.Dense(3)], CLASSES, Mine())
    assert (output.gives, output.assumed) == (PROBABILITIES, "")


def test_sigmoids_under_a_loss_of_one_class_are_divided_by_their_sum_and_that_is_said():
    (output,) = outputs([layers.Dense(3, "sigmoid")], CLASSES, "sparse_categorical_crossentropy")
    assert "divided by their sum" in output.assumed
    found = probabilities(output, np.array([[0.2, 0.6, 0.8]]))
    np.testing.assert_allclose(found, [[0.125, 0.375, 0.5]])


def test_names_of_classes():
    (named,) = outputs([layers.Dense(3)], CLASSES, label_names=["cat", "dog", "cat"])
    assert named.classes == ["cat (0)", "dog", "cat (2)"]
    (numbered,) = outputs([layers.Dense(4)], CLASSES, label_names=["cat", "dog", "cow"])
    assert numbered.classes == ["0", "1", "2", "3"]
    (hinge,) = outputs([layers.Dense(1)], 2 * (CLASSES % 2) - 1, "hinge")
    assert hinge.classes == ["-1", "1"]


def test_several_outputs_each_with_its_own():
    inputs = keras.Input((6,))
    made = {"size": layers.Dense(1)(inputs), "kind": layers.Dense(3)(inputs)}
    model = keras.Model(inputs, made)
    source = ArraySource(X, {"size": X[:, :1], "kind": CLASSES})
    loss = {"size": "mse", "kind": losses.SparseCategoricalCrossentropy(from_logits=True)}
    check_examples(tt.Trainer(model, loss=loss), source, "the data")
    found = {output.name: (output.task, output.classes) for output in outputs_of(model, source)}
    assert found == {"size": (NUMBERS, None), "kind": (ONE_CLASS, ["0", "1", "2"])}


def test_places_of_tokens_and_pixels():
    output = describe("", (None, None, 28, 5), losses.SparseCategoricalCrossentropy(ignore_class=255))
    assert (output.shape, output.size, output.ignore_class) == ([None, 28], 5, 255)


def test_classes_on_another_axis_are_refused():
    with pytest.raises(RequestError, match="has the classes on axis 1; only the last is possible"):
        describe("", (None, 5, 28), losses.CategoricalCrossentropy(axis=1))


@pytest.mark.parametrize(
    ("make", "activation"),
    [
        (lambda x: layers.Reshape((3, 1))(layers.Dense(3, "softmax")(x)), "softmax"),
        (lambda x: keras.ops.sigmoid(layers.Dense(3)(x)), "sigmoid"),
        (lambda x: keras.Sequential([layers.Dense(3), layers.Activation("softmax")])(x), "softmax"),
        (lambda x: layers.Dense(3)(layers.Dense(3, "softmax")(x)), None),
        (lambda x: layers.Dense(3, "relu")(x), None),
    ],
)
def test_the_last_activation(make, activation):
    inputs = keras.Input((6,))
    assert last_activation(keras.Model(inputs, make(inputs))) == activation


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        (describe("", (None, 3), losses.CategoricalCrossentropy(from_logits=True)), keras.ops.softmax),
        (describe("", (None, 3), losses.BinaryCrossentropy(from_logits=True)), keras.ops.sigmoid),
        (describe("", (None, 3), losses.MeanSquaredError()), lambda values: values),
        (describe("", (None, 3), losses.CategoricalHinge()), lambda values: values),
    ],
)
def test_probabilities_are_kerass(output, reference):
    np.testing.assert_allclose(probabilities(output, X[:, :3]), reference(X[:, :3]), rtol=1e-5)


def test_what_cannot_be_probabilities_is_told():
    output = describe("kind", (None, 3), losses.CategoricalCrossentropy())
    with pytest.raises(
        RunError, match=r"the numbers of the output 'kind' are probabilities .* from -1 to 3: give the loss"
    ):
        probabilities(output, np.array([[-1.0, 3.0, 0.0]]))

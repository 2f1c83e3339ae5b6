"""Labels in every form, places, masks, weights and ignored classes become the rows that the loss sees."""

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError, RunError
from tf_tricks.reports.rows import losses_of, rows_of
from tf_tricks.training.outputs import describe

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)).astype("float32")
CLASSES = RNG.integers(0, 4, 6)
SPARSE = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def rows(loss, labels, values, weights=None, mask=None, start=0):
    output = describe("", (None, *values.shape[1:]), loss)
    mask = np.ones(values.shape[: max(1, values.ndim - 1)], bool) if mask is None else mask
    return output, rows_of(output, labels, values, mask, weights, start)


@pytest.mark.parametrize("labels", [CLASSES, CLASSES[:, None], CLASSES.astype("float32"), np.eye(4)[CLASSES]])
def test_labels_of_one_class_in_every_form(labels):
    output, found = rows(SPARSE, labels, LOGITS)
    np.testing.assert_array_equal(found.classes, CLASSES)
    expected = keras.losses.sparse_categorical_crossentropy(CLASSES, LOGITS, from_logits=True)
    np.testing.assert_allclose(losses_of(output, found), expected, rtol=1e-5)


def test_distributions():
    labels = RNG.dirichlet(np.ones(4), 6)
    output, found = rows(keras.losses.CategoricalCrossentropy(from_logits=True), labels, LOGITS)
    expected = keras.losses.categorical_crossentropy(labels, LOGITS, from_logits=True)
    np.testing.assert_allclose(losses_of(output, found), expected, rtol=1e-5)
    np.testing.assert_array_equal(found.classes, labels.argmax(axis=1))


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
@pytest.mark.parametrize("from_logits", [True, False])
def test_two_classes(shape, from_logits):
    labels, values = (CLASSES % 2).reshape(shape), LOGITS[:, 0].reshape(shape)
    values = values if from_logits else 1 / (1 + np.exp(-values))
    output, found = rows(keras.losses.BinaryCrossentropy(from_logits=from_logits), labels, values)
    expected = keras.losses.BinaryCrossentropy(from_logits=from_logits, reduction=None)
    np.testing.assert_allclose(
        losses_of(output, found), expected(labels.reshape(6, 1), values.reshape(6, 1)), rtol=1e-4
    )
    np.testing.assert_array_equal(found.classes, CLASSES % 2)
    np.testing.assert_array_equal(found.values.argmax(axis=1), (LOGITS[:, 0] > 0).astype(int))


def test_several_classes_at_once():
    labels = RNG.integers(0, 2, (6, 4))
    output, found = rows(keras.losses.BinaryCrossentropy(from_logits=True), labels, LOGITS)
    expected = keras.losses.BinaryCrossentropy(from_logits=True, reduction=None)(labels, LOGITS)
    np.testing.assert_allclose(losses_of(output, found), expected, rtol=1e-4)


@pytest.mark.parametrize("labels", [CLASSES % 2, 2 * (CLASSES % 2) - 1])
def test_a_hinge_loss_of_two_classes(labels):
    output, found = rows(keras.losses.Hinge(), labels, LOGITS[:, :1])
    expected = keras.losses.Hinge(reduction=None)(2 * (CLASSES % 2)[:, None] - 1, LOGITS[:, :1])
    np.testing.assert_allclose(losses_of(output, found), expected, rtol=1e-5)


def test_a_hinge_loss_of_several_classes():
    scores = LOGITS + 10  # Keras takes the largest of the other scores and of 0
    output, found = rows(keras.losses.CategoricalHinge(), np.eye(4)[CLASSES], scores)
    expected = keras.losses.CategoricalHinge(reduction=None)(np.eye(4)[CLASSES], scores)
    np.testing.assert_allclose(losses_of(output, found), expected, rtol=1e-5)


def test_numbers():
    output, found = rows(keras.losses.MeanSquaredError(), LOGITS + 0.5, LOGITS)
    np.testing.assert_allclose(losses_of(output, found), 0.5, rtol=1e-6)


def test_tokens_with_a_mask_an_ignored_class_and_weights():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    values = RNG.normal(size=(2, 3, 4))
    labels = np.array([[0, -1, 2], [3, 3, 1]])
    mask = np.array([[True, True, True], [True, False, True]])
    _, found = rows(loss, labels, values, np.array([2.0, 0.5]), mask, start=7)
    assert found.weights.tolist() == [2, 0, 2, 0.5, 0, 0.5]
    assert found.examples.tolist() == [7, 7, 7, 8, 8, 8]
    assert found.classes.tolist() == [0, 0, 2, 3, 3, 1]


@pytest.mark.parametrize(
    ("labels", "weights", "sentence"),
    [
        (np.array([4, 0, 1, 2, 3, 0]), None, "the labels must be classes from 0 to 3, not 4"),
        (np.array([-1, 0, 1, 2, 3, 0]), None, "the labels must be classes from 0 to 3, not -1"),
        (np.zeros((6, 3)), None, "a class, or a number for each of 4 classes, .* and the labels are"),
        (CLASSES, np.ones((6, 2)), "a weight for each example, or for each of its 1 places, not 2"),
    ],
)
def test_labels_and_weights_that_do_not_fit(labels, weights, sentence):
    with pytest.raises(RequestError, match=sentence):
        rows(SPARSE, labels, LOGITS, weights)


def test_numbers_of_another_shape():
    with pytest.raises(RequestError, match=r"cannot compare the outputs \[6, 4\] with labels \[6, 3\]"):
        rows(keras.losses.MeanSquaredError(), LOGITS[:, :3], LOGITS)


def test_what_is_not_finite_is_told_with_its_example():
    values = LOGITS.copy()
    values[4, 1] = np.nan
    with pytest.raises(RunError, match=r"not finite for the example 24 \(counted from 0\)"):
        rows(SPARSE, CLASSES, values, start=20)

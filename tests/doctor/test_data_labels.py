"""What is said of labels: none of the classes, or classes of very different sizes."""

import keras
import numpy as np
import pytest
from support import examined

from tf_tricks.doctor import data_labels

LOGITS = keras.losses.BinaryCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def digits():
    x, y = examined.digits()
    return x.reshape(-1, 64), y


def found(*arguments, **keywords):
    return examined.found(data_labels, *arguments, **keywords)


def test_good_labels(digits):
    x, y = digits
    assert not found(examined.mlp(64, 10), (x, y), validation=(x[:50], y[:50]), test=(x[50:90], y[50:90]))


@pytest.mark.parametrize("shift", [1, -1])
def test_labels_off_by_one(digits, shift):
    x, y = digits
    finding = found(examined.mlp(64, 10), (x, y + shift))["labels_out_of_range"]
    low, high = (1, 10) if shift == 1 else (-1, 8)
    assert finding.measured == f"the labels go from {low} to {high}, and the model has 10 outputs, for classes 0 to 9"
    assert finding.change == f"count the classes from 0: y = y - {low}"
    assert finding.confidence > 0.9


def test_more_classes_than_outputs(digits):
    x, y = digits
    assert (
        "give the model an output for each class (10)"
        in found(examined.mlp(64, 9), (x, y))["labels_out_of_range"].change
    )


def test_an_output_to_spare_makes_it_less_sure(digits):
    x, y = digits
    assert found(examined.mlp(64, 11), (x, y + 1))["labels_out_of_range"].confidence < 0.5
    assert not found(examined.mlp(64, 11), (x, y))


@pytest.mark.parametrize(("labels", "is_fine"), [((0, 1), True), ((1, 2), False), ((-1, 1), False)])
def test_two_classes_for_binary_cross_entropy(digits, labels, is_fine):
    x, y = digits
    y = np.where(y % 2, labels[1], labels[0]).astype("float32")
    assert bool(found(examined.mlp(64, 1), (x, y), loss=LOGITS)) is not is_fine


def test_labels_of_another_part(digits):
    x, y = digits
    finding = found(examined.mlp(64, 10), (x, y), test=(x[:100], y[:100] + 1))["labels_out_of_range"]
    assert finding.measured.startswith("the test labels go from 1 to 10")


def test_values_have_no_classes(digits):
    x, y = digits
    assert not found(examined.mlp(64, 1), (x, y - 4.5), loss="mean_squared_error")


def unbalanced(ratio):
    y = (np.arange(1000) % (ratio + 1) == 0).astype("int32")
    return np.random.default_rng(0).normal(size=(1000, 6)).astype("float32"), y


def test_classes_of_different_sizes():
    finding = found(examined.mlp(), unbalanced(49))["classes_unbalanced"]
    assert finding.measured == "class 0 has 98.0% of the examples, 49 times those of class 1"


def test_three_times_as_many_are_no_matter():
    assert not found(examined.mlp(), unbalanced(3))


def test_the_more_they_differ_the_surer():
    some, many = (found(examined.mlp(), unbalanced(r))["classes_unbalanced"].confidence for r in (15, 150))
    assert some < many


def test_class_weights_even_it_out():
    assert not found(examined.mlp(), unbalanced(49), class_weight="balanced")


def test_weights_of_examples_even_it_out():
    x, y = unbalanced(49)
    assert not found(examined.mlp(), (x, y, np.where(y == 1, 49.0, 1.0)))

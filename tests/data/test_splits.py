"""Carving the validation part, and splits of arrays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.batches import everything

from tf_tricks.data import from_arrays
from tf_tricks.data.splits import carve
from tf_tricks.errors import RequestError

X, Y = np.arange(100.0).reshape(50, 2), np.arange(50) % 5


@given(number=st.integers(4, 200), fraction=st.floats(0.2, 0.8), seed=st.integers(0, 2**32 - 1))
def test_every_example_is_in_exactly_one_part(number, fraction, seed):
    train, validation = carve(number, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, validation])), np.arange(number))
    assert len(validation) == round(number * fraction)


def test_a_fraction_of_zero_leaves_everything_for_training():
    train, validation = carve(5, 0, seed=0)
    assert (train.tolist(), validation) == ([0, 1, 2, 3, 4], None)


def test_the_choice_is_the_same_for_ever():
    assert carve(20, 0.25, seed=0)[1].tolist() == [1, 8, 10, 18, 19]


def test_another_seed_chooses_differently():
    assert carve(100, 0.5, seed=0)[1].tolist() != carve(100, 0.5, seed=1)[1].tolist()


@pytest.mark.parametrize(
    ("fraction", "sentence"),
    [
        (-0.1, "validation_fraction must be a number at least 0, not -0.1"),
        (1, "validation_fraction must be a number at least 0 and below 1, not 1"),
        ("half", "validation_fraction must be a number at least 0, not 'half'"),
        (0.01, "validation_fraction=0.01 of 10 examples leaves 10 for training and 0 for validation"),
        (0.99, "leaves 0 for training and 10 for validation; each needs at least one"),
    ],
)
def test_an_impossible_fraction_gets_a_sentence(fraction, sentence):
    with pytest.raises(RequestError, match=sentence):
        carve(10, fraction, seed=0)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_gets_a_sentence(seed):
    with pytest.raises(RequestError, match="seed must be an integer"):
        carve(10, 0.5, seed)


def test_arrays_are_split_with_their_labels():
    splits = from_arrays(X, Y, X[:10] + 0.5, Y[:10], validation_fraction=0.2, seed=3)
    (x_train, y_train), (x_validation, y_validation) = everything(splits.train), everything(splits.validation)
    order = np.argsort(np.concatenate([x_train, x_validation])[:, 0])
    np.testing.assert_array_equal(np.concatenate([x_train, x_validation])[order], X)
    np.testing.assert_array_equal(np.concatenate([y_train, y_validation])[order], Y)


def test_the_test_part_is_left_alone():
    splits = from_arrays(X, Y, X[:10] + 0.5, Y[:10])
    np.testing.assert_array_equal(everything(splits.test)[0], X[:10] + 0.5)


def test_mean_and_variance_are_those_of_the_training_part_only():
    splits = from_arrays(X, Y, X + 1000, Y, validation_fraction=0.5)
    inputs, _ = everything(splits.train)
    np.testing.assert_allclose(splits.mean, inputs.astype("float64").mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(splits.variance, inputs.astype("float64").var(axis=0), rtol=1e-12)


def test_gray_images_get_their_channel():
    assert from_arrays(np.zeros((10, 8, 6), "uint8"), np.arange(10)).train.input_shape == (8, 6, 1)


def test_without_test_arrays_there_is_no_test_part():
    assert from_arrays(X, Y).test is None


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (dict(x_train=X, y_train=Y, x_test=X), "x_test and y_test belong together"),
        (dict(x_train=X, y_train=Y, x_test=X, y_test=Y + 1), "x_test, y_test: the labels must be from 0 to 4"),
        (dict(x_train=X, y_train=Y, x_test=X[:, :1], y_test=Y), r"differ in input_shape: \(1,\) and \(2,\)"),
        (dict(x_train=X, y_train=Y, x_test=X.astype("uint8"), y_test=Y), "differ in input_dtype: uint8 and float32"),
        (dict(x_train=X, y_train=X, x_test=X, y_test=X[:, :1]), "differ in num_outputs: 1 and 2"),
        (dict(x_train=X[:, :0], y_train=Y), r"at least one number each, not the shape \(0,\)"),
        (dict(x_train=X, y_train=Y[:9]), "x_train, y_train: there must be a label for each input"),
    ],
)
def test_arrays_that_do_not_fit_get_a_sentence(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        from_arrays(**arguments)


@pytest.mark.parametrize("seed", range(50))
def test_every_class_is_in_both_parts_where_that_can_be(seed):
    classes = np.repeat([0, 1, 2], [988, 6, 6])
    train, validation = carve(1000, 0.1, seed, classes)
    assert len(validation) == 100
    assert sorted([*train, *validation]) == list(range(1000))
    for part in (train, validation):
        assert set(classes[part]) == {0, 1, 2}


def test_classes_change_nothing_where_none_is_missing():
    classes = np.arange(1000) % 4
    for one, other in zip(carve(1000, 0.2, 3, classes), carve(1000, 0.2, 3)):
        np.testing.assert_array_equal(one, other)

"""The data set `arrays`: any names and structures, labels in text, validation arrays, files larger than the budget."""

import numpy as np
import pytest
import tensorflow as tf
from support.batches import everything

from tf_tricks import data
from tf_tricks.errors import RequestError

X = np.random.RandomState(0).randint(0, 256, (40, 3, 5, 1)).astype("uint8")
Z = np.random.RandomState(1).rand(40, 2)
Y = np.arange(40) % 4


def get(tmp_path, arrays, **arguments):
    np.savez(tmp_path / "x.npz", **arrays)
    return data.get({"name": "arrays", "file": str(tmp_path / "x.npz"), **arguments})


def test_arrays_by_their_own_names(tmp_path):
    keys = {"x_train": {"left": "pictures", "right": "numbers"}, "y_train": ["kind", "numbers"], "w_train": "weight"}
    arrays = {"pictures": X, "numbers": Z, "kind": Y, "weight": np.ones(40), "unused": Y}
    splits = get(tmp_path, arrays, keys=keys, validation_fraction=0)
    assert splits.train.input_shape == {"left": (3, 5, 1), "right": (2,)}
    inputs, labels, weights = splits.train.fetch(tf.constant([5], tf.int64))
    np.testing.assert_array_equal(inputs["left"], X[[5]])
    np.testing.assert_allclose(labels[1], Z[[5]], rtol=1e-6)
    assert (labels[0].numpy().tolist(), weights.numpy().tolist(), splits.mean) == ([1], [1.0], None)


def test_a_key_that_does_not_exist(tmp_path):
    with pytest.raises(RequestError, match="called 'x_tran'; did you mean 'x_train'"):
        get(tmp_path, {"a": X}, keys={"x_tran": "a"})


def test_an_autoencoder_learns_its_inputs(tmp_path):
    splits = get(tmp_path, {"a": Z}, keys={"x_train": "a", "y_train": "a"}, validation_fraction=0)
    inputs, labels = everything(splits.train)
    np.testing.assert_array_equal(inputs, labels)


def test_no_labels(tmp_path):
    splits = get(tmp_path, {"a": Z}, keys={"x_train": "a"})
    assert (splits.train.labels, len(splits.train.fetch(tf.constant([0], tf.int64)))) == (None, 1)
    assert splits.validation.num_examples == 4


def test_labels_in_text(tmp_path):
    names = np.array(["ant", "bee", "cat", "dog"])
    splits = get(tmp_path, {"x_train": X, "y_train": names[Y], "x_test": X[:3], "y_test": names[Y[:3]]})
    assert (splits.train.label_names, splits.train.num_classes) == (["ant", "bee", "cat", "dog"], 4)
    assert everything(splits.test)[1].tolist() == [0, 1, 2]


def test_a_label_in_text_that_training_has_not(tmp_path):
    with pytest.raises(RequestError, match="for the label in y_test 'bea'; did you mean 'bee'"):
        get(tmp_path, {"x_train": X, "y_train": ["ant", "bee"] * 20, "x_test": X[:1], "y_test": ["bea"]})


def test_validation_arrays(tmp_path):
    splits = get(tmp_path, {"x_train": X, "y_train": Y, "x_validation": X[:6], "y_validation": Y[:6]})
    assert (splits.train.num_examples, splits.validation.num_examples) == (40, 6)


def test_validation_arrays_and_a_fraction(tmp_path):
    arrays = {"x_train": X, "y_train": Y, "x_validation": X[:6], "y_validation": Y[:6]}
    with pytest.raises(RequestError, match=r"validation_fraction=0\.2 and a validation part of its own"):
        get(tmp_path, arrays, validation_fraction=0.2)


def test_a_file_and_the_memory_give_the_same_batches(tmp_path):
    streams = [
        data.Stream(get(tmp_path, {"x_train": X, "y_train": Y}, memory_budget=budget).train, 7, seed=3)
        for budget in (1e9, 10)
    ]
    for k in range(5):
        for one, other in zip(streams[0][k], streams[1][k]):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint16"])
def test_integers_of_tokens_stay_integers(tmp_path, dtype):
    splits = get(tmp_path, {"x_train": np.arange(80).reshape(40, 2).astype(dtype), "y_train": Y})
    assert splits.train.input_dtype == dtype


def test_labels_of_each_token_are_integers(tmp_path):
    splits = get(tmp_path, {"x_train": Z, "y_train": np.arange(120).reshape(40, 3) % 5})
    assert (splits.train.labels.kind, splits.train.labels.maximum) == ("integers", 4)

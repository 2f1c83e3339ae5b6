"""The data sets that need no download."""

import hashlib

import ml_collections
import numpy as np
import pytest
from sklearn.datasets import load_digits
from support.batches import everything

from tf_tricks import data
from tf_tricks.errors import RequestError

X, Y = np.random.RandomState(0).randint(0, 256, (50, 4, 4, 1)).astype("uint8"), np.arange(50) % 5


def test_digits_are_images_of_sixteen_grays():
    splits = data.get("digits")
    inputs, labels = everything(splits.train)
    assert (splits.train.input_shape, splits.train.input_dtype, splits.train.num_classes) == ((8, 8, 1), "uint8", 10)
    assert (inputs.min(), inputs.max(), labels.min(), labels.max()) == (0, 16, 0, 9)


def test_no_digit_is_lost_or_doubled():
    splits = data.get("digits")
    found = np.concatenate([everything(part)[0] for part in (splits.train, splits.validation, splits.test)])
    expected = load_digits().images.astype("uint8")
    assert sorted(image.tobytes() for image in found) == sorted(image.tobytes() for image in expected)


def test_digits_keep_their_labels():
    labels = {image.astype("uint8").tobytes(): label for image, label in zip(*load_digits(return_X_y=True))}
    images, found = everything(data.get("digits").test)
    assert [labels[image.tobytes()] for image in images] == found.tolist()


def test_a_fifth_of_each_digit_is_for_the_test():
    counts = np.bincount(everything(data.get("digits").test)[1])
    np.testing.assert_array_equal(counts, np.round(np.bincount(load_digits().target) / 5))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_test_part_of_digits_is_the_same_for_every_seed_and_for_ever(seed):
    images, _ = everything(data.get("digits", seed=seed).test)
    assert hashlib.sha256(images.tobytes()).hexdigest().startswith("753639fc7311522c")


def test_the_validation_part_of_digits_depends_on_the_seed():
    one, other = (everything(data.get("digits", seed=seed).validation)[0] for seed in (0, 1))
    assert not np.array_equal(one, other)


def test_without_a_validation_fraction_all_other_digits_are_for_training():
    splits = data.get({"name": "digits", "validation_fraction": 0})
    assert (splits.train.num_examples, splits.validation) == (1438, None)


def test_an_archive_of_arrays(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=X, y_train=Y, x_test=X[:7], y_test=Y[:7])
    splits = data.get({"name": "arrays", "file": str(tmp_path / "x.npz"), "validation_fraction": 0.2})
    assert [part.num_examples for part in (splits.train, splits.validation, splits.test)] == [40, 10, 7]
    np.testing.assert_array_equal(everything(splits.test)[0], X[:7])


def test_an_archive_needs_no_test_part(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=X, y_train=Y)
    assert data.get({"name": "arrays", "file": str(tmp_path / "x.npz")}).test is None


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (dict(x_train=X), "lacks the array y_train; it holds x_train"),
        (dict(x_train=X, y_train=Y, x_tets=X), "'x_tets'; did you mean 'x_test'"),
        (dict(x_train=X, y_train=Y, x_test=X), "x_test and y_test belong together"),
        (dict(x_train=X, y_train=Y[:3]), "x_train, y_train: there must be a label for each input, not 3 for 50"),
        (dict(x_train=X, y_train=Y - 1), "x_train, y_train: labels that are integers must be classes, from 0, not -1"),
        (dict(x_train=X, y_train=Y, x_test=X, y_test=Y + 1), "x_test, y_test: the labels must be from 0 to 4"),
        (dict(x_train=X, y_train=np.array([{}] * 50)), "cannot be read as a NumPy archive of numbers"),
    ],
)
def test_an_unusable_archive_gets_a_sentence(tmp_path, arrays, sentence):
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(RequestError, match=sentence):
        data.get({"name": "arrays", "file": str(tmp_path / "x.npz")})


def test_a_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(RequestError, match=r"there is no file of arrays '.*none\.npz'"):
        data.get({"name": "arrays", "file": str(tmp_path / "none.npz")})


def test_a_damaged_file_gets_a_sentence(tmp_path):
    np.savez(tmp_path / "x.npz", x_train=X, y_train=Y)
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:300])
    with pytest.raises(RequestError, match="cannot be read as a NumPy archive"):
        data.get({"name": "arrays", "file": str(tmp_path / "x.npz")})


def test_a_file_of_one_array_gets_a_sentence(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(RequestError, match="holds a single array"):
        data.get({"name": "arrays", "file": str(tmp_path / "x.npy")})


def test_the_regression_has_the_slides_sizes():
    splits = data.get("regression")
    inputs, targets = everything(splits.train)
    assert (inputs.shape, targets.shape, inputs.dtype, targets.dtype) == ((64, 1000), (64, 10), "float32", "float32")
    assert (splits.validation, splits.test, splits.mean, splits.variance) == (None, None, None, None)


def test_the_regression_is_standard_normal():
    inputs, _ = everything(data.get("regression").train)
    standard_error = inputs.size**-0.5
    assert abs(inputs.mean()) < 4 * standard_error
    assert abs(inputs.var() - 1) < 4 * standard_error * 2**0.5


def test_the_regression_is_a_function_of_the_seed():
    first, again, other = (everything(data.get("regression", seed=seed).train)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_regression_may_have_a_validation_part():
    splits = data.get({"name": "regression", "num_examples": 20, "validation_fraction": 0.25})
    assert (splits.train.num_examples, splits.validation.num_examples) == (15, 5)


def test_the_regression_without_examples_gets_a_sentence():
    with pytest.raises(RequestError, match="num_examples must be an integer at least 1, not 0"):
        data.get({"name": "regression", "num_examples": 0})


def test_get_returns_splits_as_they_are():
    splits = data.from_arrays(X, Y)
    assert data.get(splits) is splits


def test_get_takes_a_config_dict():
    config = ml_collections.ConfigDict({"name": "digits", "validation_fraction": 0.5})
    assert data.get(config).validation.num_examples == 719


@pytest.mark.parametrize("identifier", [None, 5, (X, Y)])
def test_get_of_something_else_gets_a_sentence(identifier):
    with pytest.raises(RequestError, match="data must be a name, a dict with a name, or Splits, not"):
        data.get(identifier)


def test_get_corrects_a_misspelt_argument():
    with pytest.raises(RequestError, match="'validation_fractoin'; did you mean 'validation_fraction'"):
        data.get({"name": "digits", "validation_fractoin": 0.1})


def test_get_refuses_an_impossible_fraction():
    with pytest.raises(RequestError, match="validation_fraction must be a number at least 0 and below 1"):
        data.get({"name": "digits", "validation_fraction": 1.5})

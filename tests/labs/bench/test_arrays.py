"""Data sets of all kinds come as arrays."""

import numpy as np
import pytest
from PIL import Image

from tf_tricks.errors import RequestError
from tf_tricks.labs.bench.arrays import load


def test_digits_are_standardized_by_their_training_part():
    data = load("digits").standardized()
    assert abs(data.train[0].mean()) < 1e-5
    assert abs(data.train[0].std() - 1) < 1e-4
    assert data.flat().test[0].shape == (359, 64)


def test_the_first_examples_are_of_all_classes():
    assert set(load("digits").first(100).train[1]) == set(range(10))


def test_a_folder_of_pictures(tmp_path):
    random = np.random.default_rng(0)
    for name in ("bird", "cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(10):
            pixels = random.integers(0, 256, (20, 30, 3), "uint8")
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    data = load(str(tmp_path))
    assert data.train[0].shape == (24, 32, 32, 3)
    assert len(data.test[1]) == 6
    assert data.num_classes == 3


def test_an_archive_without_a_test_part(tmp_path):
    x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    np.savez(tmp_path / "mine.npz", x_train=x, y_train=np.arange(50) % 2)
    data = load(str(tmp_path / "mine.npz"))
    assert (len(data.train[1]), len(data.test[1])) == (40, 10)
    assert data.deviation.shape == (4,)


def test_numbers_are_no_classes():
    with pytest.raises(RequestError, match="a lab takes examples with classes, and the labels of 'regression' are"):
        load("regression")


def test_a_few_to_train_on_leave_the_others_to_test_on():
    digits = load("digits")
    few = digits.few(1500, 1000)
    assert len(few.test[1]) == 1797 - 1500
    np.testing.assert_array_equal(np.concatenate([few.train[1], few.test[1]])[1438:], digits.test[1])

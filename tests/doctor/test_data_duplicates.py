"""Examples that are in two parts, or twice in one; where few different ones can be drawn that is no leak."""

import numpy as np
import pytest
from scipy.spatial import cKDTree
from sklearn.datasets import load_iris
from support import examined

from tf_tricks.doctor import data_duplicates
from tf_tricks.doctor.nearest import nearest_distances


@pytest.fixture(scope="module")
def digits():
    return examined.digits()


def found(*arguments, **keywords):
    return examined.found(data_duplicates, *arguments, **keywords)


def test_parts_of_their_own(digits):
    x, y = digits
    parts = dict(validation=(x[:150], y[:150]), test=(x[150:300], y[150:300]))
    assert not found(examined.convnet(), (x[300:], y[300:]), **parts)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_examples_of_another_part_among_those_for_training(digits, part):
    x, y = digits
    finding = found(examined.convnet(), (x[100:], y[100:]), **{part: (x[:300], y[:300])})["duplicates_across_splits"]
    assert finding.measured.startswith(f"200 of 300 {part} examples (66.7%) are among the training examples")
    assert "the first: 100, 101, 102" in finding.measured
    assert finding.confidence > 0.9


def test_a_few_of_them(digits):
    x, y = digits
    assert (
        "9 of 300"
        in found(examined.convnet(), (x[291:], y[291:]), test=(x[:300], y[:300]))["duplicates_across_splits"].measured
    )


def test_copies_that_are_nearly_the_same(digits):
    x, y = digits
    noise = np.random.default_rng(0).normal(0, 1e-3, x[:300].shape).astype("float32")
    finding = found(examined.convnet(), (x[100:], y[100:]), test=(x[:300] + noise, y[:300]))
    assert "200 of 300 test examples" in finding["duplicates_across_splits"].measured
    assert "nearly the same" in finding["duplicates_across_splits"].measured


def test_larger_pictures_are_compared_at_a_small_size():
    x = np.random.default_rng(0).integers(0, 256, (200, 40, 40, 3)).astype("uint8")
    x = np.clip(x // 4 + np.random.default_rng(1).integers(0, 160, (200, 1, 1, 3)), 0, 255).astype("uint8")
    again = np.clip(x[:50].astype(int) + np.random.default_rng(2).integers(-2, 3, x[:50].shape), 0, 255).astype("uint8")
    model = examined.convnet(shape=(40, 40, 3), outputs=2)
    y = np.arange(200) % 2
    assert "duplicates_across_splits" in found(model, (x, y), test=(again, y[:50]))
    assert not found(model, (x[50:], y[50:]), test=(again, y[:50]))


def test_few_different_examples_repeat_by_chance():
    x = np.random.default_rng(0).integers(0, 2, (2000, 8))
    assert not found(examined.mlp(8), (x[200:], x[200:, 0]), test=(x[:200], x[:200, 0]))


def test_a_table_with_a_few_rows_that_are_equal():
    x, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(150)
    x, y = x[order], y[order]
    assert not found(examined.mlp(4, 3), (x[50:], y[50:]), test=(x[:50], y[:50]))


def test_training_examples_that_are_there_twice(digits):
    x, y = digits
    finding = found(examined.convnet(), (np.concatenate([x, x]), np.concatenate([y, y])))["duplicates_within_training"]
    assert "1,797 are different" in finding.measured


def test_the_nearest_of_each_row_is_scipys():
    random = np.random.default_rng(0)
    rows, among = random.normal(size=(300, 5)), random.normal(size=(700, 5))
    np.testing.assert_allclose(nearest_distances(rows, among), cKDTree(among).query(rows)[0], rtol=1e-5)
    np.testing.assert_allclose(
        nearest_distances(among, among, np.arange(700)), cKDTree(among).query(among, 2)[0][:, 1], rtol=1e-5
    )

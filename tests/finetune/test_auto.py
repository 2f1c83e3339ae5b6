"""The number of trained blocks by cross-validation: its folds, its budget, and what it takes."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks import data, models
from tf_tricks.config import config_file, parts
from tf_tricks.errors import RequestError
from tf_tricks.finetune import auto
from tf_tricks.finetune.auto import choose
from tf_tricks.finetune.folds import Rows


def source(each=(6, 6, 6), seed=0):
    labels = np.repeat(np.arange(len(each)), each)
    inputs = np.random.default_rng(seed).normal(size=(len(labels), 4)).astype("float32")
    return data.ArraySource(inputs, labels)


def test_rows_are_those_of_the_source_and_can_be_others():
    whole = source()
    rows = Rows(whole, np.array([3, 17]))
    dataset = tf.data.Dataset.range(2).map(lambda i: rows.fetch(i[None])[0][0])
    everything = np.asarray(whole.fetch(tf.range(18, dtype=tf.int64))[0])
    np.testing.assert_array_equal(list(dataset.as_numpy_iterator()), everything[[3, 17]])
    rows.choose(np.array([0, 1]))
    np.testing.assert_array_equal(list(dataset.as_numpy_iterator()), everything[[0, 1]])
    assert rows.num_classes == 3


@pytest.mark.parametrize(("each", "folds"), [((2, 2), 6), ((5, 9), 12), ((40, 50), 9)])
def test_each_fold_has_every_class_and_all_train_on_as_many(each, folds):
    found = list(auto._folds(source(each), seed=0))
    assert len(found) == folds
    assert len({len(train) for train, _ in found}) == 1
    labels = np.repeat(np.arange(len(each)), each)
    for train, validated in found:
        assert set(train).isdisjoint(validated)
        assert set(labels[validated]) == set(labels)
    counted = np.bincount(np.concatenate([validated for _, validated in found]))
    assert len(set(counted)) == 1  # each example is validated equally often


def test_a_class_of_one_example_gets_a_sentence():
    with pytest.raises(RequestError, match="each class needs two training examples, and class 1 has one"):
        list(auto._folds(source((4, 1, 4)), seed=0))


def test_the_trainings_together_keep_to_the_budget():
    folds = list(auto._folds(source((400, 400)), seed=0))
    config = {"epochs": 50.0, "batch_size": 16}
    epochs = auto._epochs(config, folds, candidates=4, budget=2.0)
    cost = epochs * sum(len(train) for train, _ in folds) * 4
    np.testing.assert_allclose(cost, 2.0 * 50 * 800)
    assert auto._epochs(config, folds, 4, budget=1e9) == 50.0
    assert auto._epochs(config, folds, 4, budget=1e-9) * len(folds[0][0]) / 16 == pytest.approx(100)  # updates


def test_taken_is_the_best_and_of_equal_ones_the_fewest():
    tried = [auto.Tried(0, (0.5, 0.7)), auto.Tried(1, (0.8, 0.8)), auto.Tried(2, (0.9, 0.7)), auto.Tried(4, (0.6, 0.6))]
    assert auto._best(tried) == 1


@pytest.mark.parametrize(("total", "numbers"), [(1, [0, 1]), (4, [0, 1, 2, 4]), (13, [0, 1, 2, 4, 8, 13])])
def test_candidates_double(total, numbers):
    assert auto._candidates(total) == numbers


@pytest.fixture
def config(tmp_path):
    """Labels that only a trained body can tell: the body gives the same features for everything."""
    keras.utils.set_random_seed(0)
    model = models.get({"name": "mlp", "hidden": [16, 16]}, input_shape=(2,), num_outputs=3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.kernel.assign(layer.kernel * 1e-3)
    model.save(tmp_path / "base.keras")
    random = np.random.default_rng(0)
    x = random.normal(size=(80, 2)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype(int)
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y)
    given = parts.plain(config_file.load("finetune:auto"))
    given |= {"data": {"name": "arrays", "file": str(tmp_path / "data.npz"), "validation_fraction": 0.0}}
    given |= {"init_from": str(tmp_path / "base.keras"), "epochs": 40.0, "learning_rate": 0.02, "batch_size": 16}
    return parts.resolve(given)


@pytest.fixture
def two_folds(monkeypatch):
    """The first two of all folds, for the others tell nothing new."""
    folds = auto._folds
    monkeypatch.setattr(auto, "_folds", lambda *given: itertools.islice(folds(*given), 2))


def test_where_the_body_is_no_good_it_is_trained(config, two_folds):
    lines = []
    choice = choose(config, tt.strategy("cpu"), 6.0, lines.append)
    assert choice.blocks > 0
    scores = {one.blocks: np.mean(one.scores) for one in choice.tried}
    assert scores[choice.blocks] > scores[0] + 0.1
    assert "<- taken" in choice.table().splitlines()[1 + list(scores).index(choice.blocks)]


def test_a_batch_larger_than_a_fold_is_cut_and_the_choice_is_the_same_again(config, two_folds):
    short = config | {"batch_size": 80, "epochs": 2.0}
    choice, again = (choose(short, tt.strategy("cpu"), 1.0, lambda line: None) for _ in range(2))
    assert [one.blocks for one in choice.tried] == [0, 1, 2]
    assert again == choice

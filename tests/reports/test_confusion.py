"""Counts and scores of classes are scikit-learn's, whatever the batches."""

import csv
import io

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from tf_tricks.reports.confusion import Confusion, as_csv

RNG = np.random.default_rng(0)
TRUE, PREDICTED, WEIGHTS = RNG.integers(0, 5, 200), RNG.integers(0, 6, 200), RNG.random(200)
NAMES = ["a", "b", "c", "d", "e", "f", "accuracy"]  # e is never predicted rightly often, the last is nowhere


@pytest.fixture
def confusion():
    made = Confusion(7)
    for rows in np.array_split(np.arange(200), [3, 90, 91]):
        made.add(TRUE[rows], PREDICTED[rows], WEIGHTS[rows])
    return made


def test_counts(confusion):
    expected = confusion_matrix(TRUE, PREDICTED, labels=range(7), sample_weight=WEIGHTS)
    np.testing.assert_allclose(confusion.counts, expected)


def test_accuracy(confusion):
    assert confusion.accuracy == pytest.approx(accuracy_score(TRUE, PREDICTED, sample_weight=WEIGHTS))


def test_scores_of_each_class(confusion):
    expected = precision_recall_fscore_support(TRUE, PREDICTED, sample_weight=WEIGHTS, zero_division=0)
    found = [list(row.values()) for row in confusion.scores(NAMES)["classes"].values()]
    np.testing.assert_allclose(found, np.transpose(expected))


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_averages(confusion, average):
    expected = precision_recall_fscore_support(
        TRUE, PREDICTED, sample_weight=WEIGHTS, zero_division=0, average=average
    )[:3]
    assert list(confusion.scores(NAMES)[f"{average}_average"].values())[:3] == pytest.approx(expected)


def test_a_class_that_is_nowhere_is_left_out(confusion):
    scores = confusion.scores(NAMES)
    assert scores["absent"] == ["accuracy"]
    assert list(scores["classes"]) == NAMES[:-1]


def test_the_pairs_confused_most(confusion):
    pairs = confusion.most_confused(NAMES, number=3)
    wrong = confusion.counts - np.diag(np.diag(confusion.counts))
    assert [pair["count"] for pair in pairs] == sorted(wrong.ravel().tolist(), reverse=True)[:3]
    assert all(wrong[NAMES.index(p["true"]), NAMES.index(p["predicted"])] == p["count"] for p in pairs)


def test_pairs_that_are_never_confused_are_none():
    confusion = Confusion(3)
    confusion.add(np.array([0, 1]), np.array([0, 2]), np.ones(2))
    assert confusion.most_confused(["a", "b", "c"]) == [{"true": "b", "predicted": "c", "count": 1.0}]


def test_a_table_with_commas_and_quotes_in_names():
    table = as_csv("class", ['say "a, b"'], [("x, y", [1 / 3])])
    assert list(csv.reader(io.StringIO(table.decode()))) == [["class", 'say "a, b"'], ["x, y", "0.3333333333"]]

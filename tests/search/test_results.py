"""The best trial, and the table of all."""

import csv
import json
from dataclasses import replace

import pyarrow.csv
import pytest
from support.search_results import search

from tf_tricks.search.results import TrialResult, best, ranked, write_csv


def trial(number, value, stage="coarse", outcome="complete"):
    return TrialResult(number, stage, outcome, value=value)


@pytest.mark.parametrize(("direction", "number"), [("up", 1), ("down", 2)])
def test_the_best_by_direction(direction, number):
    assert best([trial(0, 0.5), trial(1, 0.9), trial(2, 0.1)], direction).number == number


def test_a_fine_trial_comes_before_a_better_coarse_one():
    coarse, fine = trial(0, 0.9), trial(1, 0.5, "fine")
    assert best([replace(coarse, epochs=3.0), replace(fine, epochs=9.0)], "up").number == 1
    assert best([replace(coarse, epochs=3.0), replace(fine, epochs=3.0)], "up").number == 0  # trained as long


def test_a_fine_trial_that_is_not_complete_does_not_count():
    assert best([trial(0, 0.4), trial(1, 0.9, "fine", "pruned")], "up").number == 0


@pytest.mark.parametrize("outcome", ["pruned", "diverged", "out of memory", "refused", "failed", "running"])
def test_only_complete_trials_count(outcome):
    assert best([trial(0, 0.9, outcome=outcome)], "up") is None


@pytest.mark.parametrize("value", [None, float("nan"), float("-inf")])
@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_value_that_is_no_number_does_not_count(value, direction):
    assert best([trial(0, value), trial(1, 0.5)], direction).number == 1


@pytest.mark.parametrize("direction", ["up", "down"])
def test_of_equal_trials_the_earlier_is_better(direction):
    assert [r.number for r in ranked([trial(2, 0.5), trial(1, 0.5)], direction)] == [1, 2]


def test_the_table_is_read_back(tmp_path):
    results = search(24, 8, fine=8)
    write_csv(tmp_path / "trials.csv", results, 3)
    table = pyarrow.csv.read_csv(tmp_path / "trials.csv").to_pylist()
    assert len(table) == 24
    for row, result in zip(table, results):
        assert (row["number"], row["stage"], row["outcome"]) == (result.number, result.stage, result.outcome)
        assert (row["value"], row["epochs_trained"], row["seconds"]) == (result.value, result.epochs, result.seconds)
        assert tuple(row[f"value_{i}"] for i in (1, 2, 3)) == (result.values or (None, None, None))
        assert (row["folder"], row["note"]) == (result.folder, result.note)
        assert row["learning_rate.schedule.initial"] == result.params["learning_rate.schedule.initial"]
        assert row["batch_size"] == result.params["batch_size"]


def test_a_table_of_parts_and_texts(tmp_path):
    values = [{"name": "standard", "pad": 4}, None, "rand_augment", [8, 8], 'say "a, b"\nc', True]
    results = [TrialResult(i, "coarse", "complete", params={"augment": value}) for i, value in enumerate(values)]
    write_csv(tmp_path / "trials.csv", results, 2)
    with open(tmp_path / "trials.csv", newline="") as file:
        cells = [row["augment"] for row in csv.DictReader(file)]
    assert [json.loads(cells[i]) for i in (0, 1, 3, 5)] == [values[i] for i in (0, 1, 3, 5)]
    assert [cells[2], cells[4]] == ["rand_augment", 'say "a, b"\nc']


def test_a_trial_without_a_parameter_has_an_empty_cell(tmp_path):
    results = [TrialResult(0, "coarse", "refused"), TrialResult(1, "coarse", "complete", params={"l2": 0.1})]
    write_csv(tmp_path / "trials.csv", results, 2)
    assert [row["l2"] for row in csv.DictReader(open(tmp_path / "trials.csv"))] == ["", "0.1"]


def test_a_table_of_no_trials(tmp_path):
    write_csv(tmp_path / "trials.csv", [], 1)
    assert (tmp_path / "trials.csv").read_text().count("\n") == 1

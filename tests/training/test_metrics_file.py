"""metrics.jsonl can be read back, and cut back to what it was."""

import json
import math
import os

import pytest

from tf_tricks.training.metrics_file import MetricsFile


@pytest.fixture
def metrics(tmp_path):
    return MetricsFile(tmp_path / "metrics.jsonl")


def lines(tmp_path):
    return [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]


def test_lines_are_appended(metrics, tmp_path):
    metrics.write(step=1, loss=0.5)
    metrics.write(step=2, split="train")
    assert lines(tmp_path) == [{"step": 1, "loss": 0.5}, {"step": 2, "split": "train"}]


def test_cut_leaves_what_was_there_at_that_size(metrics, tmp_path):
    metrics.write(step=1)
    size = metrics.size()
    metrics.write(step=2)
    metrics.cut(size)
    metrics.write(step=3)
    assert lines(tmp_path) == [{"step": 1}, {"step": 3}]


def test_cut_at_the_end_changes_nothing(metrics, tmp_path):
    metrics.write(step=1)
    metrics.cut(metrics.size())
    assert lines(tmp_path) == [{"step": 1}]


def test_cut_where_nothing_was_written_makes_no_file(metrics, tmp_path):
    metrics.cut(0)
    assert list(tmp_path.iterdir()) == []


def test_what_is_counted_has_reached_the_disk(metrics, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    metrics.write(step=1)
    assert metrics.size() == len('{"step": 1}\n')
    assert synced == [os.stat(tmp_path / "metrics.jsonl").st_ino]


def test_size_of_no_file(metrics):
    assert metrics.size() == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_has_no_number_for_is_null(metrics, tmp_path, value):
    metrics.write(loss=value)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"loss": null}\n'

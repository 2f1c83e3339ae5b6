"""metrics.jsonl can be read back, and cut back to what it was."""

import json
import math
import os
from types import SimpleNamespace

import pytest

from tf_tricks.storage import mirror
from tf_tricks.training import metrics_file
from tf_tricks.training.metrics_file import MetricsFile


@pytest.fixture
def metrics(tmp_path):
    return MetricsFile(tmp_path / "metrics.jsonl")


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


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


# In a store, which cannot append


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets: `clock.now`."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(mirror, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(metrics_file, "time", mirror.time)
    return clock


@pytest.fixture
def remote(memory, clock):
    return MetricsFile(memory / "metrics.jsonl")


def test_lines_in_a_store_are_written_together(remote, memory, clock):
    remote.write(step=1)
    assert not (memory / "metrics.jsonl").exists()
    clock.now += 11
    remote.write(step=2)
    assert lines(memory) == [{"step": 1}, {"step": 2}]
    remote.write(step=3)
    assert lines(memory) == [{"step": 1}, {"step": 2}]
    assert remote.size() == (memory / "metrics.jsonl").stat().length == 3 * len('{"step": 1}\n')
    assert lines(memory)[-1] == {"step": 3}


def test_what_a_checkpoint_knew_is_in_the_store_before_it(remote, memory):
    remote.write(step=1)
    size = remote.size()
    remote.write(step=2)
    remote.size()
    resumed = MetricsFile(memory / "metrics.jsonl")
    resumed.cut(size)
    assert lines(memory) == [{"step": 1}]
    resumed.write(step=2.5)
    resumed.size()
    assert lines(memory) == [{"step": 1}, {"step": 2.5}]


def test_lines_go_on_behind_those_in_the_store(remote, memory):
    assert remote.size() == 0
    remote.cut(0)
    assert not (memory / "metrics.jsonl").exists()
    remote.write(step=1)
    remote.size()
    another = MetricsFile(memory / "metrics.jsonl")
    another.write(step=2)
    another.size()
    assert lines(memory) == [{"step": 1}, {"step": 2}]


def test_what_is_in_the_store_is_not_written_again(remote, memory):
    remote.write(step=1)
    remote.size()
    (memory / "metrics.jsonl").write_text("of somebody else")
    remote.size()
    assert (memory / "metrics.jsonl").read_text() == "of somebody else"

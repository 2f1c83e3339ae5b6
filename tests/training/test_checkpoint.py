"""Checkpoints come back as they were, or not at all."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.training import checkpoint

ARRAYS = {"a/0": np.arange(6, dtype="float32").reshape(2, 3), "a/1": np.array(7, "int64"), "b/0": np.zeros((0, 2))}
VALUES = {"step": 3, "nested": [1.5, None, {"best": float("inf")}], "text": "ü"}


def save(folder, step, keep=3):
    checkpoint.save(folder, step, {"step": np.array(step)}, {"step": step}, keep)


def newest(folder):
    found = checkpoint.load_newest(folder)
    return None if found is None else found[1]["step"]


def test_arrays_and_values_come_back(tmp_path):
    checkpoint.save(tmp_path, 3, ARRAYS, VALUES)
    arrays, values = checkpoint.load_newest(tmp_path)
    assert values == VALUES
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def test_none_where_there_is_no_folder(tmp_path):
    assert checkpoint.load_newest(tmp_path / "none") is None


def test_the_newest_few_are_kept(tmp_path):
    for step in (1, 2, 10, 9):
        save(tmp_path, step, keep=2)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["0000000009.ckpt", "0000000010.ckpt"]


def test_the_newest_is_loaded(tmp_path):
    for step in (2, 10):
        save(tmp_path, step)
    assert newest(tmp_path) == 10


@pytest.fixture(scope="module")
def two():
    """The bytes of an older and a newer checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        for step in (1, 2):
            save(folder, step)
        return [file.read_bytes() for file in sorted(Path(folder).iterdir())]


def newest_with(folder, older, newer):
    (folder / "0000000001.ckpt").write_bytes(older)
    (folder / "0000000002.ckpt").write_bytes(newer)
    return newest(folder)


def test_the_undamaged_newer_one_is_loaded(two, tmp_path):
    assert newest_with(tmp_path, *two) == 2


@pytest.mark.parametrize("part", range(20))
def test_a_truncated_one_is_passed_over(two, tmp_path, part):
    assert newest_with(tmp_path, two[0], two[1][: part * len(two[1]) // 20]) == 1


@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True), change=st.integers(1, 255))
def test_one_with_a_flipped_byte_is_passed_over(two, place, change):
    damaged = bytearray(two[1])
    damaged[int(place * len(damaged))] ^= change
    with tempfile.TemporaryDirectory() as folder:
        assert newest_with(Path(folder), two[0], bytes(damaged)) == 1


def test_when_all_are_damaged_nothing_is_begun_anew(tmp_path):
    with pytest.raises(RequestError, match=r"all checkpoints in .* are damaged: choose another workdir"):
        newest_with(tmp_path, b"", b"x" * 100)


def test_the_warning_names_the_one_that_is_used_in_its_place(two, tmp_path, caplog):
    newest_with(tmp_path, two[0], b"")
    assert "0000000002.ckpt is damaged; using 0000000001.ckpt in its place" in caplog.text


def test_the_checkpoints_of_another_run_are_refused(tmp_path):
    checkpoints = checkpoint.Checkpoints(tmp_path)
    checkpoints.run_id = "a"
    checkpoints.save(1, {}, {})
    assert checkpoints.newest() == ({}, {"run_id": "a"})
    checkpoints.run_id = "b"
    with pytest.raises(RequestError, match=r"are another run's: a, and config\.json says b"):
        checkpoints.newest()


def test_one_is_due_after_so_many_epochs(tmp_path):
    checkpoints = checkpoint.Checkpoints(tmp_path, epochs=2)
    assert [checkpoints.is_due(ends_epoch) for ends_epoch in (False, True, False, True)] == [False, False, False, True]
    checkpoints.save(1, {}, {})
    assert [checkpoints.is_due(ends_epoch) for ends_epoch in (True, True)] == [False, True]


def test_one_is_due_after_so_many_minutes(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(checkpoint.time, "time", lambda: now[0])
    checkpoints = checkpoint.Checkpoints(tmp_path, epochs=100, minutes=2)
    now[0] = 119
    assert not checkpoints.is_due(ends_epoch=False)
    now[0] = 121
    assert checkpoints.is_due(ends_epoch=False)


def test_other_files_are_no_checkpoints(two, tmp_path):
    (tmp_path / "0000000001.ckpt").write_bytes(two[0])
    for name in (".0000000002.ckpt.partial", "0000000002.ckpt.bak", "notes.txt"):
        (tmp_path / name).write_bytes(two[1])
    assert newest(tmp_path) == 1


def test_a_crash_before_the_renaming_leaves_the_old_one(tmp_path, monkeypatch):
    save(tmp_path, 1, keep=1)

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(type(checkpoint.epath.Path(tmp_path)), "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 2, keep=1)
    assert newest(tmp_path) == 1


def test_a_partial_file_of_a_crash_is_written_over(two, tmp_path):
    (tmp_path / ".0000000002.ckpt.partial").write_bytes(b"half")
    save(tmp_path, 2)
    assert [f.name for f in tmp_path.iterdir()] == ["0000000002.ckpt"]

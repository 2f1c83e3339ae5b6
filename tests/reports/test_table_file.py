"""A file of predictions is there once it is whole, and has what was written."""

import csv

import numpy as np
import pyarrow.parquet
import pytest
from etils import epath

from tf_tricks.errors import RunError
from tf_tricks.reports.table_file import opened

COLUMNS = {"key": "integer", "prediction": "text", "probability": "number"}
BATCHES = [
    {"key": [0, 1], "prediction": ["a, b", 'say "c"'], "probability": np.array([0.1, 1 / 3])},
    {"key": [2], "prediction": [None], "probability": np.array([np.nan])},
]


def written(path, batches=BATCHES):
    with opened(epath.Path(path), COLUMNS, {"classes": np.array(["a", "b"])}) as file:
        for batch in batches:
            file.write(batch)
    return path


def test_a_csv(tmp_path):
    with written(tmp_path / "p.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["key", "prediction", "probability"]
    assert [row[:2] for row in rows] == [["0", "a, b"], ["1", 'say "c"'], ["2", ""]]
    assert [np.float32(row[2]) for row in rows[:2]] == [np.float32(0.1), np.float32(1 / 3)]
    assert rows[2][2] == ""


def test_a_parquet(tmp_path):
    found = pyarrow.parquet.read_table(written(tmp_path / "p.parquet")).to_pydict()
    assert found["key"] == [0, 1, 2]
    assert found["prediction"] == ["a, b", 'say "c"', None]
    assert found["probability"] == [np.float32(0.1), np.float32(1 / 3), None]


def test_batches_share_groups_of_rows(tmp_path):
    batches = [{"key": [i], "prediction": ["a"], "probability": np.ones(1)} for i in range(100)]
    file = pyarrow.parquet.ParquetFile(written(tmp_path / "p.parquet", batches))
    assert (file.num_row_groups, file.metadata.num_rows) == (1, 100)


def test_arrays(tmp_path):
    batches = [{"key": [0, 1], "probabilities": np.ones((2, 3))}, {"key": [2], "probabilities": np.zeros((1, 3))}]
    found = np.load(written(tmp_path / "p.npz", batches))
    assert found["probabilities"].tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
    assert (found["key"].tolist(), found["classes"].tolist()) == ([0, 1, 2], ["a", "b"])


@pytest.mark.parametrize("name", ["p.csv", "p.parquet"])
def test_one_without_rows_has_a_header(tmp_path, name):
    written(tmp_path / name, [])
    assert (tmp_path / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["p.csv", "p.parquet", "p.npz"])
def test_one_that_is_broken_off_leaves_what_was_there(tmp_path, name):
    (tmp_path / name).write_text("before")

    def interrupted():
        yield BATCHES[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / name, interrupted())
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "before")]


def test_it_grows_while_it_is_written(tmp_path):
    many = {"key": list(range(5000)), "prediction": ["a"] * 5000, "probability": np.zeros(5000)}
    with opened(epath.Path(tmp_path / "p.csv"), COLUMNS, {}) as file:
        for _ in range(20):
            file.write(many)
        assert (tmp_path / ".p.csv.partial").stat().st_size > 500_000


def test_a_full_disk(tmp_path):
    (tmp_path / ".p.csv.partial").symlink_to("/dev/full")
    with pytest.raises(RunError, match=r"cannot be written to \S+/p.csv: No space left on device"):
        written(tmp_path / "p.csv")

"""Rows of arrays: the same wherever the array lies, and no copy where none is needed."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks.data import rows
from tf_tricks.data.rows import aligned_empty, rows_of

INDICES = tf.constant([3, 0, 3], tf.int64)


def array(dtype="float32"):
    return np.arange(24).reshape(6, 2, 2).astype(dtype)


def aligned(values):
    own = aligned_empty(values.shape, values.dtype)
    own[...] = values
    return own


def of_a_file(values, tmp_path):
    np.save(tmp_path / "x.npy", values)
    return np.load(tmp_path / "x.npy", mmap_mode="r")


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int64", "bool", "float64", ">i4"])
@pytest.mark.parametrize("where", ["aligned", "memory", "file"])
def test_rows_are_those_of_numpy(where, dtype, tmp_path):
    values = array(dtype)
    held = {"aligned": aligned, "memory": lambda v: v, "file": lambda v: of_a_file(v, tmp_path)}[where](values)
    found = rows_of(held)(INDICES)
    assert found.shape == (3, 2, 2)
    np.testing.assert_array_equal(found, values[[3, 0, 3]])


def test_an_aligned_array_is_used_where_it_lies():
    held = aligned(array())
    gather = rows_of(held)
    held[3] = -1
    assert (gather(INDICES).numpy()[0] == -1).all()


def test_a_large_array_is_not_copied(monkeypatch):
    monkeypatch.setattr(rows, "_LARGE", 10)
    held = array()
    gather = rows_of(held)
    held[3] = -1
    assert (gather(INDICES).numpy()[0] == -1).all()


@pytest.mark.parametrize("where", ["aligned", "file"])
def test_shapes_are_static_in_a_dataset(where, tmp_path):
    gather = rows_of(aligned(array()) if where == "aligned" else of_a_file(array(), tmp_path))
    dataset = tf.data.Dataset.range(6).batch(3, drop_remainder=True).map(gather)
    assert dataset.element_spec.shape == (3, 2, 2)
    np.testing.assert_array_equal(np.concatenate(list(dataset)), array())


def test_texts():
    assert rows_of(np.array(["a", "b", "c", "d"], object))(INDICES).numpy().tolist() == [b"d", b"a", b"d"]

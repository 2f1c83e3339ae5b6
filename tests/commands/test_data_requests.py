"""Data that cannot be used get a sentence, and nothing is written."""

import os
import socket

import numpy as np
import pytest
from support.sentences import TINY


def arrays(**changes):
    good = dict(x_train=np.zeros((40, 3), "float32"), y_train=np.arange(40) % 3)
    return {key: value for key, value in (good | changes).items() if value is not None}


ARRAYS = {
    "missing": (arrays(y_train=None), "lacks the array y_train; it holds x_train"),
    "misspelt": (arrays(x_tst=np.zeros(3)), "'x_tst'; did you mean 'x_test'"),
    "NaN": (arrays(x_train=np.full((40, 3), np.nan)), "the inputs must be finite"),
    "too few labels": (arrays(y_train=np.arange(5)), "a label for each input, not 5 for 40"),
    "labels out of range": (arrays(y_train=np.arange(40) - 1), "must be classes, from 0, not -1"),
    "a test label out of range": (arrays(x_test=np.zeros((2, 3)), y_test=np.array([0, 3])), "x_test.* from 0 to 2"),
    "keys as somebody else has them": (dict(X_train=np.zeros((4, 3))), "the name 'X_train'; did you mean 'x_train'"),
    "a single class": (
        arrays(x_train=np.ones((90, 8, 8, 1)), y_train=np.zeros(90, int)),
        "the labels are of a single class, 0, and ",
    ),
    "objects": (arrays(x_train=np.array([None] * 40)), "cannot be read as a NumPy archive of numbers"),
}


@pytest.fixture
def refused_arrays(refused, tmp_path):
    def check(pattern):
        data = {"name": "arrays", "file": str(tmp_path / "data.npz")}
        refused(pattern, "train", *TINY, f"--config.data={data}", f"--workdir={tmp_path / 'run'}")

    return check


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_cannot_be_used(refused_arrays, tmp_path, name):
    content, pattern = ARRAYS[name]
    np.savez(tmp_path / "data.npz", **content)
    refused_arrays(pattern)


def test_no_file_of_arrays(refused_arrays):
    refused_arrays("there is no file of arrays '.*data.npz'")


def test_a_file_that_is_no_archive(refused_arrays, tmp_path):
    (tmp_path / "data.npz").write_bytes(b"PK\x03\x04 and nothing else")
    refused_arrays("data.npz' cannot be read as a NumPy archive")


def test_a_text_file(refused_arrays, tmp_path):
    (tmp_path / "data.npz").write_text("hello\n")
    refused_arrays("cannot be read as a NumPy archive of numbers: it is no archive, or was cut short")


def test_a_folder_is_no_named_set(refused, tmp_path, monkeypatch):
    (tmp_path / "pics").mkdir()
    monkeypatch.chdir(tmp_path)
    refused(
        "'pics' is a folder, and data are named sets",
        "train",
        "--config=digits",
        "--config.data.name=pics",
        "--workdir=w",
    )


def test_a_data_set_that_is_not_there_without_a_network(refused, tmp_path, monkeypatch):
    def fail(*_):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    (tmp_path / "tfds").mkdir()
    data = {"name": "cifar10", "data_dir": str(tmp_path / "tfds")}
    pattern = r"'cifar10' is not in \S+ and cannot be prepared there \(no network"
    refused(pattern, "train", *TINY, f"--config.data={data}", f"--workdir={tmp_path / 'run'}")

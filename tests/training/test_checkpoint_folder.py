"""Checkpoints that Orbax writes beside training come back as they were, or not at all."""

import time

import keras
import ml_dtypes
import numpy as np
import pytest
from absl import logging
from support.forked import Forked

import tf_tricks as tt
from tf_tricks.engines import engine
from tf_tricks.errors import RequestError, RunError
from tf_tricks.training import checkpoint, checkpoint_folder
from tf_tricks.training.checkpoint import Checkpoints, load_newest

ARRAYS = {
    "model/0": np.arange(6, dtype="float32").reshape(2, 3),
    "model/1": np.array([1.5, -2], ml_dtypes.bfloat16),
    "optimizer/0": np.array(2**40, "int64"),
    "optimizer/1": np.array([[True, False]]),
    "seed": np.array([7, 2**32 - 1], "uint32"),
    "empty": np.zeros((0, 2)),
    "texts": np.array(["one", "ü"]),
}
NUMBERS = np.random.default_rng(0).integers(0, 2**62, 2000)
VALUES = {"step": 3, "nested": [1.5, None, {"best": float("inf")}], "text": "ü"}


@pytest.fixture
def small_is_large(monkeypatch):
    monkeypatch.setattr(checkpoint, "LARGE", 0)


def written(folder, *steps, keep=3):
    checkpoints = Checkpoints(folder, keep=keep)
    for step in steps:
        checkpoints.save(step, {"step": NUMBERS + step}, {"step": step})
    checkpoints.wait()
    return checkpoints


def newest(folder):
    arrays, values = load_newest(folder)
    np.testing.assert_array_equal(arrays["step"], NUMBERS + values["step"])
    return values["step"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_arrays_and_values_come_back(tmp_path, small_is_large):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(3, ARRAYS, VALUES)
    checkpoints.wait()
    assert (tmp_path / "0000000003").is_dir()
    arrays, values = load_newest(tmp_path)
    assert values == VALUES | {"run_id": None}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        np.testing.assert_array_equal(arrays[name], array)


def test_what_changes_after_the_call_is_saved_as_it_was(tmp_path, small_is_large):
    array = np.zeros(1_000_000)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"array": array}, {})
    array += 1
    checkpoints.wait()
    np.testing.assert_array_equal(load_newest(tmp_path)[0]["array"], np.zeros(1_000_000))


def test_the_newest_few_are_kept_of_both_forms(tmp_path, monkeypatch):
    written(tmp_path, 1, 2, keep=3)
    monkeypatch.setattr(checkpoint, "LARGE", 0)
    written(tmp_path, 10, 9, keep=3)
    assert names(tmp_path) == ["0000000002.ckpt", "0000000009", "0000000010"]
    assert newest(tmp_path) == 10


def test_a_small_state_is_one_file(tmp_path):
    written(tmp_path, 1)
    assert names(tmp_path) == ["0000000001.ckpt"]


def test_one_of_the_same_step_takes_the_place_of_the_other(tmp_path, small_is_large):
    written(tmp_path, 1)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, {"step": NUMBERS + 5}, {"step": 5})
    checkpoints.wait()
    assert newest(tmp_path) == 5


def test_the_same_state_is_not_written_twice(tmp_path):
    checkpoints = written(tmp_path, 1)
    before = (tmp_path / "0000000001.ckpt").stat().st_mtime_ns
    checkpoints.save(1, {"step": NUMBERS + 1}, {"step": 1})
    assert (tmp_path / "0000000001.ckpt").stat().st_mtime_ns == before


def damaged(folder):
    """The largest file of a checkpoint, one byte changed at a time."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    path = max(files, key=lambda path: path.stat().st_size)
    content = path.read_bytes()
    for place in np.linspace(0, len(content) - 1, 12).astype(int):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        yield place
    path.write_bytes(content)


def test_one_with_a_flipped_byte_is_passed_over_or_read_right(tmp_path, small_is_large):
    written(tmp_path, 1, 2)
    found = {place: newest(tmp_path) for place in damaged(tmp_path / "0000000002")}
    assert 1 in found.values(), found  # and `newest` compares what is read
    assert newest(tmp_path) == 2


def test_all_damaged_are_told(tmp_path, small_is_large):
    written(tmp_path, 1)
    for path in (tmp_path / "0000000001").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(RequestError, match=r"^all checkpoints in .* are damaged: choose another workdir"):
        load_newest(tmp_path)


def test_what_a_kill_has_left_is_deleted(tmp_path, small_is_large):
    written(tmp_path, 1)
    unfinished = tmp_path / "0000000002.orbax-checkpoint-tmp"
    unfinished.mkdir()
    assert newest(tmp_path) == 1
    assert Checkpoints(tmp_path).newest()[1]["step"] == 1
    assert not unfinished.exists()


def write_many(folder):
    checkpoint.LARGE = 0
    checkpoints = Checkpoints(folder)
    for step in range(1, 1000):
        checkpoints.save(step, {"step": NUMBERS + step, "large": np.random.rand(1_000_000)}, {"step": step})


@pytest.mark.slow
def test_a_kill_leaves_whole_ones(tmp_path):
    folder = tmp_path / "checkpoints"
    for kill in range(5):
        process = Forked(write_many, [folder], tmp_path / f"{kill}.txt")
        process.wait_for(lambda: folder.exists() and len(checkpoint.checkpoints_in(folder)) > 2)
        time.sleep(0.3 + 0.07 * kill)
        process.kill()
        for path in checkpoint.checkpoints_in(folder):
            arrays, values = checkpoint_folder.read_folder(path)
            np.testing.assert_array_equal(arrays["step"], NUMBERS + int(path.name))
            assert values["step"] == int(path.name)


def test_without_orbax_it_is_a_file_and_a_warning(tmp_path, small_is_large, monkeypatch, caplog):
    written(tmp_path / "before", 1)
    monkeypatch.setattr(checkpoint_folder, "can_be_written", lambda: False)
    logging.set_verbosity(logging.WARNING)
    written(tmp_path / "after", 1)
    assert names(tmp_path / "after") == ["0000000001.ckpt"]
    with pytest.raises(RequestError, match=r"0000000001 was written by Orbax, which is not installed: pip install 'tf"):
        load_newest(tmp_path / "before")


def test_a_disk_that_refuses_is_told(tmp_path, small_is_large, monkeypatch):
    checkpoints = written(tmp_path, 1)

    def refuse(arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(engine(), "of_all_hosts", refuse)
    with pytest.raises(RunError, match=r"^cannot write to .*: No space left on device; the last complete"):
        checkpoints.save(2, {"step": NUMBERS}, {})


class Crash(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 3:
            raise MemoryError


def train(workdir, callbacks=()):
    keras.utils.set_random_seed(1)
    inputs = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
    model = keras.Sequential(
        [keras.Input((5,)), keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    trainer = tt.Trainer(model, keras.optimizers.Adam(), loss="mse", batch_size=16)
    history = trainer.fit((inputs, inputs[:, :1]), 5, callbacks=list(callbacks), workdir=workdir, verbose=0)
    return history.history["loss"], load_newest(workdir / "checkpoints")


@pytest.mark.engines
def test_a_run_that_crashes_goes_on_from_a_folder_bit_for_bit(tmp_path, monkeypatch):
    losses, (arrays, values) = train(tmp_path / "undisturbed")
    monkeypatch.setattr(checkpoint, "LARGE", 0)
    with pytest.raises(MemoryError):
        train(tmp_path / "crashed", [Crash()])
    assert (tmp_path / "crashed" / "checkpoints" / "0000000012").is_dir()
    others, (other_arrays, other_values) = train(tmp_path / "crashed")
    assert others == losses
    assert other_values["progress"] == values["progress"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(other_arrays[name], array, err_msg=name)

"""A run's folder that cannot be used, in training and in evaluation, gets a sentence and stays as it was."""

import fcntl
import shutil

import keras
import numpy as np
import pytest
from support.sentences import DIGITS, MLP, TINY, assert_sentence

from tf_tricks.training import checkpoint


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Where the module's one finished run lies, once a test has needed it."""
    return tmp_path_factory.mktemp("finished") / "run"


@pytest.fixture
def workdir(finished, tf_tricks, tmp_path):
    """A copy of a finished run."""
    if not finished.exists():
        assert tf_tricks("train", *TINY, f"--workdir={finished}").status == 0
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def unfinished(workdir):
    """A run that was killed just before it wrote its model."""
    (workdir / "model.keras").unlink()
    return workdir


def test_no_workdir(refused):
    refused("say where to keep the run: --workdir=", "train", *TINY)


def test_a_workdir_that_is_a_file(refused, tmp_path):
    (tmp_path / "run").write_text("something")
    refused(r"the workdir \S+/run is a file: choose another", "train", *TINY, f"--workdir={tmp_path / 'run'}")


def test_a_workdir_below_a_file(refused, tmp_path):
    (tmp_path / "file").write_text("something")
    refused(r"cannot be made: \S+/file is a file", "train", *TINY, f"--workdir={tmp_path / 'file' / 'run'}")


def test_a_workdir_that_cannot_be_made(refused):
    refused("the workdir /proc/nowhere/run cannot be made", "train", *TINY, "--workdir=/proc/nowhere/run")


def test_a_workdir_that_holds_something_else(refused, tmp_path):
    (tmp_path / "thesis.tex").write_text("something")
    refused("holds something else than a run", "train", *TINY, f"--workdir={tmp_path}")


def test_a_workdir_of_another_config(refused, workdir):
    arguments = (*TINY, "--config.l2=0.5", f"--workdir={workdir}")
    refused("has another config: l2 was 0.0001 and is now 0.5", "train", *arguments)


def test_a_workdir_with_a_damaged_config(refused, unfinished):
    (unfinished / "config.json").write_text('{"config": ')
    refused("config.json is missing or damaged", "train", *TINY, f"--workdir={unfinished}")


def test_a_workdir_in_use(refused, unfinished):
    with open(unfinished / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused("another process trains in", "train", *TINY, f"--workdir={unfinished}")


def test_a_checkpoint_of_another_model(refused, unfinished):
    arrays, values = checkpoint.load_newest(unfinished / "checkpoints")
    arrays["model/0"] = np.zeros((3, 3), "float32")
    checkpoint.save(unfinished / "checkpoints", values["progress"]["step"], arrays, values)
    refused("is another one: the state saved for model/0 does not fit", "train", *TINY, f"--workdir={unfinished}")


# evaluate


def test_evaluate_without_a_workdir(refused):
    refused("say which run: --workdir=", "evaluate")


def test_evaluate_where_there_is_no_run(refused, tmp_path):
    refused("there is no readable run in", "evaluate", f"--workdir={tmp_path / 'run'}")


def test_evaluate_a_run_that_is_not_finished(refused, unfinished):
    refused(r"is not finished: it has no model\.keras yet", "evaluate", f"--workdir={unfinished}")


def test_evaluate_an_unknown_split(refused, workdir):
    refused("no split 'tets'; did you mean 'test'", "evaluate", f"--workdir={workdir}", "--split=tets")


def test_evaluate_a_split_that_the_data_lacks(refused, workdir):
    config = (workdir / "config.json").read_text()
    (workdir / "config.json").write_text(config.replace('"validation_fraction": 0.1', '"validation_fraction": 0'))
    refused("has no validation split", "evaluate", f"--workdir={workdir}", "--split=validation")


@pytest.mark.parametrize("damage", ["truncated", "text", "empty"])
def test_evaluate_a_damaged_model(refused, workdir, damage):
    content = (workdir / "model.keras").read_bytes()
    damaged = {"truncated": content[: len(content) // 2], "text": b"something", "empty": b""}[damage]
    (workdir / "model.keras").write_bytes(damaged)
    refused(r"model\.keras is damaged", "evaluate", f"--workdir={workdir}")


@pytest.mark.parametrize("content", ["", "[]", '{"config": 3}', '{"config": {"epochs": 1}}', "\x00\x80"])
def test_evaluate_with_a_damaged_config(refused, workdir, content):
    (workdir / "config.json").write_bytes(content.encode("latin1"))
    refused(
        r"there is no readable run in \S+/run: its config.json is missing or damaged",
        "evaluate",
        f"--workdir={workdir}",
    )


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_run_of_somebodys_own_program(refused, workdir, command):
    (workdir / "config.json").write_text('{"fingerprint": {"seed": 0}, "finished_epochs": 1}')
    refused("was trained by Trainer.fit", command, *(TINY if command == "train" else []), f"--workdir={workdir}")


def test_a_run_starts_from_the_weights_of_another(tf_tricks, workdir, tmp_path):
    arguments = (*TINY, f"--config.init_from={workdir}", "--config.learning_rate=0.0")
    assert tf_tricks("train", *arguments, f"--workdir={tmp_path / 'second'}").status == 0
    first, second = (keras.models.load_model(run / "model.keras") for run in (workdir, tmp_path / "second"))
    for a, b in zip(first.weights, second.weights):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_weights_of_another_shape_are_refused(refused, workdir, tmp_path):
    pattern = r"nothing in \S+model\.keras fits the model 'mlp': \S+/kernel is \[64, 8\] there and \[64, 4\] here, "
    arguments = (*TINY, f"--config.init_from={workdir}", "--config.model.hidden=[4]")
    refused(pattern, "train", *arguments, f"--workdir={tmp_path / 'second'}")


def test_weights_that_are_not_there_are_refused(refused, tmp_path):
    pattern = r"there are no weights to start from: \S+/nowhere does not exist"
    refused(pattern, "train", *TINY, f"--config.init_from={tmp_path / 'nowhere'}", f"--workdir={tmp_path / 'run'}")


def test_the_name_that_the_key_had_is_told(refused, workdir, tmp_path):
    pattern = "there is no config key 'initial_weights'; did you mean 'init_from'?"
    refused(pattern, "train", *TINY, f"--config.initial_weights={workdir}", f"--workdir={tmp_path / 'second'}")


def test_evaluate_a_best_model_that_was_not_kept(refused, workdir):
    pattern = r"the run in \S+ has kept no best model: train it with keep_best, or say 'last'"
    refused(pattern, "evaluate", f"--workdir={workdir}", "--checkpoint=best")
    refused("no checkpoint 'bset'; did you mean 'best'", "evaluate", f"--workdir={workdir}", "--checkpoint=bset")


# Runs that fail after they have begun


@pytest.fixture
def started(workdir):
    """A run that has a config, and nothing else yet."""
    for entry in workdir.iterdir():
        if entry.name != "config.json":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    return workdir


def test_a_full_disk_under_the_log(tf_tricks, started):
    (started / "metrics.jsonl").symlink_to("/dev/full")
    outcome = tf_tricks("train", *TINY, f"--workdir={started}")
    assert_sentence(outcome, 1, r"cannot write to \S+/run: No space left on device")


def test_a_full_disk_under_the_checkpoints(tf_tricks, started):
    (started / "checkpoints").mkdir()
    (started / "checkpoints" / ".0000000020.ckpt.partial").symlink_to("/dev/full")
    outcome = tf_tricks("train", *TINY, f"--workdir={started}")
    assert_sentence(outcome, 1, r"cannot write to \S+/run: No space left on device")


def test_a_full_disk_under_the_model(tf_tricks, unfinished):
    (unfinished / ".model.keras.partial").symlink_to("/dev/full")
    outcome = tf_tricks("train", *TINY, f"--workdir={unfinished}")
    assert_sentence(outcome, 1, r"cannot write to \S+/run: No space left on device")


DIVERGING = {"name": "concatenate", "schedules": [0.01, 1e6], "epochs": [1]}


def test_a_run_that_diverges(tf_tricks, tmp_path):
    run = (DIGITS, MLP, "--config.epochs=3", f"--config.learning_rate={DIVERGING}", f"--workdir={tmp_path / 'run'}")
    outcome = tf_tricks("train", *run)
    assert_sentence(outcome, 1, r"not finite at step \d+: the run has diverged. Try a learning rate ten times smaller")
    arrays, values = checkpoint.load_newest(tmp_path / "run" / "checkpoints")
    assert values["progress"]["step"] == 20
    assert all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


def test_a_finished_run_is_trained_on(tf_tricks, tmp_path):
    """It ends as a run that was asked for all its epochs at once, where the schedule does not know their number."""
    constant = (*TINY[:-1], "--config.learning_rate=0.05")
    ends = []
    for name, parts in (("whole", ["4"]), ("parts", ["2", "4"])):
        for epochs in parts:
            changed = [f"--config.epochs={epochs}", f"--config.log_every={40 + int(epochs)}"]
            outcome = tf_tricks("train", *constant, *changed, f"--workdir={tmp_path / name}")
            assert outcome.status == 0, outcome.err
        again = tf_tricks("train", *constant, *changed, f"--workdir={tmp_path / name}")
        assert "is finished: test loss" in again.out
        ends.append(outcome.out.splitlines()[-2])
    assert ends[0] == ends[1]
    assert ends[0].startswith("done: test loss")


def test_a_finished_run_without_checkpoints_cannot_be_trained_on(tf_tricks, refused, tmp_path):
    assert tf_tricks("train", *TINY, f"--workdir={tmp_path / 'run'}").status == 0
    for file in (tmp_path / "run" / "checkpoints").iterdir():
        file.unlink()
    refused(
        "is finished and has no checkpoints left", "train", *TINY, "--config.epochs=3", f"--workdir={tmp_path / 'run'}"
    )


def test_a_callback_that_watches_what_is_not_there(refused, tmp_path):
    stopping = "--config.callbacks=[{'name':'early_stopping','monitor':'val_acuracy'}]"
    refused(
        "no value for EarlyStopping to monitor called 'val_acuracy'; did you mean 'val_accuracy'",
        "train",
        *TINY,
        stopping,
        f"--workdir={tmp_path / 'run'}",
    )

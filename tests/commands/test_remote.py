"""Runs in object stores: killed, resumed, evaluated and passed on as runs on a disk are."""

import json
import os
import re
import signal
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from support.forked import Forked
from support.s3 import served
from support.sentences import assert_sentence
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tf_tricks import cli
from tf_tricks.storage import local_copy, path_of
from tf_tricks.training import checkpoint

CONFIG = Path(__file__).parent / "remote_config.py"


def train(workdir, environment):
    """`tf-tricks train`, in a process of its own."""
    os.environ.update(environment)
    return cli.main(["train", f"--config={CONFIG}", f"--workdir={workdir}"])


def start(server, workdir, output):
    return Forked(train, [os.fspath(workdir), server.environment], output)


def finish(server, workdir, output):
    process = start(server, workdir, output)
    text = process.join()
    assert process.status == 0, text
    return text


def lines(workdir):
    """The lines of metrics.jsonl without what depends on the clock."""
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("wall_time", "examples_per_second")} for line in found]


def assert_same_run(one, other):
    assert lines(one) == lines(other)
    (arrays, _), (others, _) = (checkpoint.load_newest(run / "checkpoints") for run in (one, other))
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)
    for name in ("model.keras", "best.keras"):
        assert_same_weights(weights(one / name), weights(other / name))


def assert_same_weights(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, other)


def weights(path):
    with local_copy(path) as file:
        return [np.asarray(weight) for weight in keras.models.load_model(file).weights]


def newest_step(workdir):
    return max((int(file.stem) for file in (workdir / "checkpoints").glob("*.ckpt")), default=0)


@pytest.fixture(scope="module")
def server():
    with served() as server:
        yield server


@pytest.fixture(scope="module")
def undisturbed(server, tmp_path_factory):
    """A run on a disk."""
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(server, folder / "run", folder / "run.txt")
    return path_of(folder / "run")


@pytest.fixture(scope="module")
def run(server, undisturbed, tmp_path_factory):
    """The same run in a store: killed, refused to a second process, without its server for a time, and finished."""
    folder, workdir = tmp_path_factory.mktemp("remote"), path_of("s3://bucket/runs/r1")
    total = lines(undisturbed)[-1]["step"]

    killed = start(server, workdir, folder / "killed.txt")
    killed.wait_for(lambda: newest_step(workdir) > total // 4)
    killed.send(signal.SIGSTOP)
    second = start(server, workdir, folder / "second.txt")
    text = second.join()
    assert second.status == 2, text
    assert "another process, number" in text
    killed.kill()
    assert killed.status == -signal.SIGKILL, "the run has ended before it could be killed"

    step = newest_step(workdir)
    cut_off = start(server, workdir, folder / "cut_off.txt")
    cut_off.wait_for(lambda: newest_step(workdir) > step)
    server.go()
    text = cut_off.join()
    server.come_back()
    assert cut_off.status == 1, text
    assert "resuming s3://bucket/runs/r1 at step" in text
    assert "cannot write to s3://bucket/runs/r1: " in text
    assert "the last complete checkpoint is kept, and the same command goes on from it" in text
    assert "Traceback" not in text
    assert newest_step(workdir) < total

    assert "resuming" in finish(server, workdir, folder / "finished.txt")
    return workdir


@pytest.mark.slow
def test_it_is_the_run_that_was_never_touched(run, undisturbed):
    assert_same_run(run, undisturbed)


@pytest.mark.slow
def test_it_leaves_no_lock_and_nothing_else(run):
    names = {name.split("/")[0] for name, *_ in run.files_below()}
    assert names == {"best.keras", "checkpoints", "config.json", "metrics.jsonl", "model.keras", "tensorboard"}


@pytest.mark.slow
def test_tensorboards_curves_have_no_gap(run, undisturbed):
    assert curve(run) == curve(undisturbed)


def curve(workdir):
    """The loss of each update that has a line, what was written last counting."""
    found = {}
    for file in sorted((workdir / "tensorboard" / "train").iterdir()):
        with local_copy(file) as copy:
            for event in EventFileLoader(copy).Load():
                for value in event.summary.value:
                    if value.tag == "loss":
                        found[event.step] = value.tensor.float_val[0]
    return found


@pytest.mark.slow
def test_a_finished_run_says_so(run, tf_tricks):
    outcome = tf_tricks("train", f"--config={CONFIG}", f"--workdir={run}")
    assert "is finished: test loss" in outcome.out


@pytest.mark.slow
def test_commands_say_of_it_what_they_say_of_a_run_on_a_disk(run, undisturbed, tf_tricks):
    assert tf_tricks("evaluate", f"--workdir={run}").out == tf_tricks("evaluate", f"--workdir={undisturbed}").out
    here, there = (tf_tricks("runs", folder.parent).out.splitlines() for folder in (undisturbed, run))
    assert here[1].split()[1:] == there[1].split()[1:]


@pytest.mark.slow
def test_its_predictions(run, undisturbed, tf_tricks, tmp_path):
    inputs = path_of("s3://bucket/inputs.npz")
    with inputs.open("wb") as file:
        np.savez(file, x=np.random.default_rng(0).integers(0, 17, (7, 8, 8, 1)).astype("float32"))
    (tmp_path / "inputs.npz").write_bytes(inputs.read_bytes())
    there, here = path_of("s3://bucket/predictions.csv"), tmp_path / "predictions.csv"
    assert tf_tricks("predict", f"--workdir={run}", f"--input={inputs}", f"--output={there}").status == 0
    tf_tricks("predict", f"--workdir={undisturbed}", f"--input={tmp_path / 'inputs.npz'}", f"--output={here}")
    assert there.read_text() == here.read_text()


def test_a_bucket_that_is_not_there_is_not_made(server, tf_tricks):
    outcome = tf_tricks("train", f"--config={CONFIG}", "--workdir=s3://nobodys/run")
    assert_sentence(outcome, 2, "the workdir s3://nobodys/run cannot be made: there is no bucket s3://nobodys")


def test_a_server_that_is_not_there(server, tf_tricks):
    server.go()
    outcome = tf_tricks("runs", "s3://bucket/runs")
    server.come_back()
    assert_sentence(outcome, 1, "s3://bucket/runs cannot be reached: Could not connect")


# In memory: everything that is read


@pytest.mark.slow
def test_a_config_and_weights_in_a_store(memory, run, tf_tricks):
    (memory / "configs" / "mine.py").write_bytes(CONFIG.read_bytes())
    with local_copy(run / "model.keras") as file:
        (memory / "base.keras").upload(file)
    flags = ("--config.init_from=memory://bucket/base.keras", "--config.epochs=0.1")
    outcome = tf_tricks("train", f"--config={memory}/configs/mine.py", f"--workdir={memory}/run", *flags)
    assert outcome.status == 0, outcome.err
    assert re.search(r"starts with all \d+ weights from memory://bucket/base\.keras", outcome.out)
    outcome = tf_tricks("train", f"--config={memory}/configs/my.py", f"--workdir={memory}/other")
    assert_sentence(outcome, 2, "there is no config file 'memory://bucket/configs/my.py'")


def test_pictures_in_a_store(memory, tf_tricks, tmp_path):
    for name, color in (("dark", 40), ("light", 200)):
        for i in range(10):
            Image.fromarray(np.full((9, 7, 3), color + i, "uint8")).save(tmp_path / "picture.png")
            (memory / "pictures" / name / f"{i}.png").upload(tmp_path / "picture.png")
    (memory / "pictures" / ".hidden" / "a.png").write_bytes(b"no picture")
    data = f"--config.data={{'name': 'folder', 'path': '{memory}/pictures', 'image_size': 8}}"
    flags = ("--config.batch_size=4", "--config.augment=None", "--config.epochs=1")
    outcome = tf_tricks("train", f"--config={CONFIG}", f"--workdir={memory}/run", data, *flags)
    assert outcome.status == 0, outcome.err
    outcome = tf_tricks(
        "predict", f"--workdir={memory}/run", f"--input={memory}/pictures", f"--output={memory}/predictions.csv"
    )
    assert outcome.status == 0, outcome.err
    rows = (memory / "predictions.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [f'"{c}/{i}.png"' for c in ("dark", "light") for i in range(10)]


def test_a_search_in_a_store_needs_a_storage(refused):
    flags = ("--config=digits", "--space=sgd", "--workdir=memory://bucket/search")
    refused(
        "the search's folder memory://bucket/search is remote, so that its trials need a --storage=URL",
        "search",
        *flags,
    )

"""A run that is killed, resumed and finished is the run that was never touched, bit for bit."""

import json
import random
import re
import shutil
import signal
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from support.forked import Forked

from tf_tricks import cli
from tf_tricks.training import checkpoint

CONFIG = Path(__file__).parent / "kill_config.py"
KILLS = 20


def train(workdir):
    """`tf-tricks train`, in a process of its own."""
    return cli.main(["train", f"--config={CONFIG}", f"--workdir={workdir}"])


def start(workdir, name="run"):
    """Returns the process, once it has begun to train (or has ended)."""
    process = Forked(train, [workdir], workdir.parent / f"{name}.txt")
    process.wait_for(lambda: "batch of" in process.text())
    return process


def finish(workdir):
    process = start(workdir)
    output = process.join()
    assert process.status == 0, output
    return output


def lines(workdir):
    """The lines of metrics.jsonl without what depends on the clock."""
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("wall_time", "examples_per_second")} for line in found]


def assert_same_run(one, other):
    assert lines(one) == lines(other)
    arrays, values = checkpoint.load_newest(one / "checkpoints")
    others, other_values = checkpoint.load_newest(other / "checkpoints")
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)
    for key in ("metrics_size", "run_id"):  # the clock's digits, and a name drawn at random
        del values[key], other_values[key]
    assert values == other_values
    for name in ("model.keras", "best.keras"):
        models = [keras.models.load_model(folder / name) for folder in (one, other)]
        for a, b in zip(models[0].weights, models[1].weights):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(workdir)
    return workdir


def logged_step(workdir):
    """The update of the last whole line of metrics.jsonl, 0 before there is one."""
    path = workdir / "metrics.jsonl"
    whole = path.read_text().split("\n")[:-1] if path.exists() else []
    return json.loads(whole[-1])["step"] if whole else 0


@pytest.mark.engines
@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(undisturbed, tmp_path):
    workdir = tmp_path / "run"
    moments = random.Random(0)
    total = lines(undisturbed)[-1]["step"]
    for target in sorted(moments.sample(range(int(0.95 * total)), KILLS)):
        process = start(workdir)
        process.wait_for(lambda target=target: logged_step(workdir) >= target)
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        assert process.status == -signal.SIGKILL, "the run ended before it could be killed"
    assert "resuming" in finish(workdir)
    assert_same_run(undisturbed, workdir)


@pytest.mark.slow
def test_sigterm_saves_and_says_how_to_go_on(undisturbed, tmp_path):
    workdir = tmp_path / "run"
    process = start(workdir)
    process.wait_for((workdir / "metrics.jsonl").exists)
    process.send(signal.SIGTERM)
    output = process.join()
    assert process.status == 128 + signal.SIGTERM
    assert "the state is saved, the same command goes on from there" in output
    assert "Traceback" not in output
    finish(workdir)
    assert_same_run(undisturbed, workdir)


@pytest.mark.slow
def test_a_second_process_is_refused_and_does_no_harm(undisturbed, tmp_path):
    workdir = tmp_path / "run"
    first, second = start(workdir), start(workdir, "second")
    output = second.join()
    assert first.status is None, "the first run is too short for this test"
    assert second.status == 2
    assert "another process trains in" in output
    first.join()
    assert_same_run(undisturbed, workdir)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """What is left of a run that was killed once it had three checkpoints."""
    workdir = tmp_path_factory.mktemp("killed") / "run"
    process = start(workdir)
    process.wait_for(lambda: len(list((workdir / "checkpoints").glob("*.ckpt"))) >= 3)
    process.kill()
    return workdir


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_newest_checkpoint_is_passed_over(undisturbed, killed, tmp_path, damage):
    workdir = shutil.copytree(killed, tmp_path / "run")
    newest = sorted((workdir / "checkpoints").glob("*.ckpt"))[-1]
    content = bytearray(newest.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    output = finish(workdir)
    assert re.search(rf"{newest.name} is damaged; using \d+\.ckpt in its place", output)
    assert_same_run(undisturbed, workdir)

"""A run that is killed, resumed and finished is the run that was never touched, bit for bit."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from tf_tricks.training import checkpoint

CONFIG = Path(__file__).parent / "kill_config.py"
KILLS = 20


def start(workdir):
    command = [sys.executable, "-m", "tf_tricks.trainers.train", f"--config={CONFIG}", f"--workdir={workdir}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(workdir):
    process = start(workdir)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def wait_for_training(process):
    """Returns when the process has begun to train (or has ended)."""
    for line in process.stdout:
        if line.startswith("batch of"):
            return


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
    del values["metrics_size"], other_values["metrics_size"]  # the clock's digits
    assert values == other_values
    models = [keras.models.load_model(folder / "model.keras") for folder in (one, other)]
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


@pytest.mark.slow
def test_twenty_kills_at_random_moments_change_nothing(undisturbed, tmp_path):
    workdir = tmp_path / "run"
    moments = random.Random(0)
    total = lines(undisturbed)[-1]["step"]
    for target in sorted(moments.sample(range(int(0.95 * total)), KILLS)):
        process = start(workdir)
        wait_for_training(process)
        while logged_step(workdir) < target:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.001)
        time.sleep(moments.uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert "resuming" in finish(workdir)
    assert_same_run(undisturbed, workdir)


@pytest.mark.slow
def test_sigterm_saves_and_says_how_to_go_on(undisturbed, tmp_path):
    workdir = tmp_path / "run"
    process = start(workdir)
    wait_for_training(process)
    while not (workdir / "metrics.jsonl").exists():
        time.sleep(0.05)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "the state is saved, the same command goes on from there" in output
    assert "Traceback" not in output
    finish(workdir)
    assert_same_run(undisturbed, workdir)


@pytest.mark.slow
def test_a_second_process_is_refused_and_does_no_harm(undisturbed, tmp_path):
    workdir = tmp_path / "run"
    first = start(workdir)
    wait_for_training(first)
    second = start(workdir)
    output, _ = second.communicate(timeout=120)
    assert first.poll() is None, "the first run is too short for this test"
    assert second.returncode == 2
    assert "another process trains in" in output
    first.communicate(timeout=600)
    assert_same_run(undisturbed, workdir)


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_newest_checkpoint_is_passed_over(undisturbed, tmp_path, damage):
    workdir = tmp_path / "run"
    process = start(workdir)
    wait_for_training(process)
    while len(list((workdir / "checkpoints").glob("*.ckpt")) if (workdir / "checkpoints").exists() else []) < 3:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    newest = sorted((workdir / "checkpoints").glob("*.ckpt"))[-1]
    content = bytearray(newest.read_bytes())
    if damage == "truncated":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    output = finish(workdir)
    assert "is damaged; using the checkpoint before it" in output
    assert os.path.basename(newest) in output
    assert_same_run(undisturbed, workdir)

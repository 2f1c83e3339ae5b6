"""Weights, several inputs and outputs, micro-batches and replicas: killed and resumed is never touched, bit for bit."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_tricks.training import checkpoint

PROGRAM = Path(__file__).parent / "structures_program.py"


def run(workdir, kill_after=0):
    process = subprocess.run([sys.executable, PROGRAM, workdir, str(kill_after)], capture_output=True, text=True)
    assert process.returncode == (-signal.SIGKILL if kill_after else 0), process.stderr


def lines(workdir):
    """The lines of metrics.jsonl without what depends on the clock."""
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("wall_time", "examples_per_second")} for line in found]


@pytest.mark.slow
def test_killed_twice_and_resumed(tmp_path):
    run(tmp_path / "untouched")
    for kill_after in (5, 29):  # in the first epoch, and after the batch has grown
        run(tmp_path / "killed", kill_after)
    run(tmp_path / "killed")
    assert lines(tmp_path / "killed") == lines(tmp_path / "untouched")
    assert {"u_loss", "v_loss", "u_accuracy", "v_mae"} <= lines(tmp_path / "killed")[-1].keys()
    arrays, values = checkpoint.load_newest(tmp_path / "killed" / "checkpoints")
    others, other_values = checkpoint.load_newest(tmp_path / "untouched" / "checkpoints")
    assert values["progress"] == other_values["progress"]
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)

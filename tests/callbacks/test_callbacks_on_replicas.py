"""Callbacks do on two replicas what they do on one device. Each number of replicas is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "trainer_program.py"


def results(replicas, folder):
    output = folder / f"{replicas}.npz"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, PROGRAM, str(replicas), output]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert process.returncode == 0, process.stderr
    return dict(np.load(output))


@pytest.mark.slow
def test_two_replicas_give_what_one_device_gives(tmp_path):
    one, two = results(1, tmp_path), results(2, tmp_path)
    assert one.keys() == two.keys()
    for name, value in one.items():
        tolerance = 1e-4 if "measured" in name else 1e-5  # a ratio of differences
        np.testing.assert_allclose(two[name], value, rtol=tolerance, atol=tolerance, err_msg=name)

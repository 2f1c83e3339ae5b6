"""R replicas give what one device gives. Each case on each number of replicas is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from replicas_program import CASES  # noqa: E402


def train(case, replicas, folder):
    """Returns what one process wrote."""
    output = folder / f"{case}-{replicas}.npz"
    subprocess.run(
        [sys.executable, HERE / "replicas_program.py", case, str(replicas), output],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    return dict(np.load(output))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_replicas_give_what_one_device_gives(case, tmp_path):
    one = train(case, 1, tmp_path)
    for replicas in (2, 4):
        several = train(case, replicas, tmp_path)
        assert int(several["steps"]) == int(one["steps"])
        for name, value in one.items():
            scale = np.abs(value).max()
            difference = np.abs(several[name] - value).max()
            # A prediction that rounding turns over may cost one example of accuracy.
            bound = 1.01 / 99 if "accuracy" in name else 1e-5 * scale
            assert difference <= bound, f"{name}: {difference / scale} with {replicas} replicas"

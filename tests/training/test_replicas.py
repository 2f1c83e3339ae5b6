"""R replicas give what one device gives. Each number of replicas has a process of its own, which trains every case."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent


def train(replicas, folder):
    """Returns what one process wrote: an array for each "case/name"."""
    output = folder / f"{replicas}.npz"
    subprocess.run(
        [sys.executable, HERE / "replicas_program.py", str(replicas), output],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        check=True,
        capture_output=True,
        timeout=600,
    )
    return dict(np.load(output))


def difference(name, one, several):
    """Says in words what is wrong, or returns None."""
    if name.endswith("steps"):
        return None if one == several else f"{several} steps instead of {one}"
    scale = np.abs(one).max()
    found = np.abs(several - one).max()
    # A prediction that rounding turns over may cost one example of accuracy.
    bound = 1.01 / 99 if "accuracy" in name else 1e-5 * scale
    return None if found <= bound else f"differs by {found / scale:.1e} of its size"


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [2, 4])
def test_replicas_give_what_one_device_gives(replicas, tmp_path):
    one, several = train(1, tmp_path), train(replicas, tmp_path)
    assert one.keys() == several.keys()
    problems = {name: difference(name, value, several[name]) for name, value in one.items()}
    assert not any(problems.values()), {name: problem for name, problem in problems.items() if problem}

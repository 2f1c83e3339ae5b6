"""Losses with masks, weights, sums and several outputs: replicas and micro-batches give what one device gives."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "shares_program.py"


def trained(replicas, micro_batch, folder):
    output = folder / f"{replicas}-{micro_batch}.npz"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, PROGRAM, str(replicas), micro_batch, output]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(np.load(output))


@pytest.mark.slow
def test_parts_add_up_to_the_whole(tmp_path):
    whole = trained(1, "none", tmp_path)
    assert len(whole) > 100
    for replicas, micro_batch in [(1, "4"), (4, "none"), (2, "8")]:
        parts = trained(replicas, micro_batch, tmp_path)
        assert parts.keys() == whole.keys()
        for name, value in whole.items():
            message = f"{name} on {replicas} replicas, micro_batch {micro_batch}"
            np.testing.assert_allclose(parts[name], value, rtol=1e-5, atol=1e-5, err_msg=message)

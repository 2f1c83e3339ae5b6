"""Every trick gives the same on TensorFlow and on JAX."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import examples  # noqa: E402


@pytest.mark.slow
def test_both_backends_agree(tmp_path):
    found = {}
    for backend in ("tensorflow", "jax"):
        output = tmp_path / f"{backend}.npz"
        subprocess.run(
            [sys.executable, HERE / "backends_program.py", output],
            env=os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"},
            check=True,
            timeout=900,
        )
        found[backend] = dict(np.load(output))
    wrong = {}
    for package, name in examples.CASES:
        start = f"{package}-{name}-"
        ours = {key: value for key, value in found["tensorflow"].items() if key.startswith(start)}
        theirs = {key: value for key, value in found["jax"].items() if key.startswith(start)}
        problem = difference(ours, theirs, tolerance=0.05 if package == "initializers" else 1e-5)
        wrong |= {start: problem} if problem else {}
    assert not wrong, "\n".join(f"{name}: {problem}" for name, problem in wrong.items())


def difference(ours, theirs, tolerance):
    """Says in words what is wrong, or returns None."""
    for key, value in [*ours.items(), *theirs.items()]:
        if key.endswith("-error"):
            return str(value)
    if ours.keys() != theirs.keys():
        return f"they give {sorted(ours)} and {sorted(theirs)}"
    for key, value in ours.items():
        size = max(np.abs(value).max(), 1e-2)
        if not np.abs(theirs[key] - value).max() <= tolerance * size:
            return f"{key} differs by {np.abs(theirs[key] - value).max() / size:.1e} of its size"
    return None

"""Every trick gives the same on TensorFlow and on JAX."""

from pathlib import Path

import numpy as np
import pytest
from support import backends, examples

PROGRAM = Path(__file__).parent / "backends_program.py"


@pytest.mark.slow
def test_both_backends_agree():
    found = {backend: backends.run(PROGRAM, backend) for backend in ("tensorflow", "jax")}
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

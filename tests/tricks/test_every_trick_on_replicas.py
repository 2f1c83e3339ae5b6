"""Two replicas give what one device gives; where masks are random, those of two replicas are independent."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import examples  # noqa: E402

GROUPS = [("layers", "losses", "initializers"), ("optimizers",), ("callbacks",)]


@pytest.fixture(scope="module", params=GROUPS, ids="+".join)
def outcomes(request, tmp_path_factory):
    """What one and what two replicas have made of every trick of a group of packages: two processes for all."""
    folder, found = tmp_path_factory.mktemp("replicas"), {}
    for replicas in (1, 2):
        output = folder / f"{replicas}.npz"
        subprocess.run(
            [sys.executable, HERE / "replicas_program.py", str(replicas), output, *request.param],
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},
            check=True,
            timeout=900,
        )
        found[replicas] = dict(np.load(output))
    return request.param, found


def part(found, package, name):
    start = f"{package}-{name}-"
    return {key.removeprefix(start): value for key, value in found.items() if key.startswith(start)}


@pytest.mark.slow
def test_two_replicas(outcomes):
    packages, found = outcomes
    wrong = {}
    for package, name in examples.CASES:
        if package in packages:
            problem = difference(part(found[1], package, name), part(found[2], package, name))
            wrong |= {f"{package}/{name}": problem} if problem else {}
    assert not wrong, "\n".join(f"{name}: {problem}" for name, problem in wrong.items())


def difference(one, two):
    """Says in words what is wrong, or returns None."""
    for found in (one, two):
        if "error" in found:
            return str(found["error"])
    if "replica0" in one:
        first, second = two["replica0"], two["replica1"]
        if np.array_equal(first, second):
            return "both replicas have the same masks"
        # The network behind the mask is not linear, but its outputs' mean over 1024 draws moves little.
        means = first.mean(axis=0), second.mean(axis=0)
        if np.abs(means[0] - means[1]).max() > 0.2 * first.std():
            return f"the means of two replicas differ: {means}"
        return None
    if not one or one.keys() != two.keys():
        return "the two have different weights"
    for key, value in one.items():
        scale = max(np.abs(value).max(), 1e-3)
        if not np.abs(two[key] - value).max() <= 1e-5 * scale:
            return f"{key} differs by {np.abs(two[key] - value).max() / scale:.1e} of its size"
    return None

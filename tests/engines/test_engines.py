"""JAX on four devices trains as TensorFlow does on one: after twenty updates, within rounding."""

import functools
import runpy
from pathlib import Path

import numpy as np
import pytest
from support import backends

PROGRAM = Path(__file__).parent / "engine_runs.py"
DROPOUT, RUNS = (runpy.run_path(str(PROGRAM))[name] for name in ("DROPOUT", "RUNS"))


@functools.cache
def results(backend, replicas, *names):
    return backends.run(PROGRAM, backend, replicas, *names)


def assert_alike(name, one, other):
    keys = [key for key in one if key.startswith(f"{name}/")]
    assert len(keys) > 3
    assert keys == [key for key in other if key.startswith(f"{name}/")]
    for key in keys:
        np.testing.assert_allclose(other[key], one[key], rtol=1e-5, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", [name for name in RUNS if name != DROPOUT])
def test_four_devices_of_jax_are_as_one_of_tensorflow(name):
    assert_alike(name, results("tensorflow", 1), results("jax", 4))


def test_four_devices_of_jax_draw_the_masks_of_one():
    assert_alike(DROPOUT, results("jax", 1, DROPOUT), results("jax", 4))

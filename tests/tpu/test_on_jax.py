"""Steps of the JAX engine compiled for TPUs by public parts of JAX, in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import backends

PROGRAM = Path(__file__).parent / "jax_program.py"
compiles = pytest.mark.tpu_compiler
STATISTICS = 4 * 2 * 16
"""Bytes of the batch normalization's mean and variance."""


@pytest.fixture(scope="module")
def found():
    """What the program has found, {group: {name: value}}."""
    groups = {"compiled": {}, "misfits": {}, "same": {}}
    for name, value in backends.run(PROGRAM, "jax").items():
        group, name = name.split("/")
        groups[group][name] = value
    return groups


@pytest.fixture(scope="module")
def compiled(found):
    names = "chips arguments sums sum_bytes parameters flops others loops".split()
    return {name: dict(zip(names, values)) for name, values in found["compiled"].items()}


@pytest.fixture(scope="module")
def misfits(found):
    return {name: str(value) for name, value in found["misfits"].items()}


@compiles
@pytest.mark.parametrize(("name", "chips"), [("four", 4), ("eight", 8), ("whole", 4)])
def test_gradients_and_statistics_are_summed_once(compiled, name, chips):
    """The parameters' bytes, those of the statistics, and a few scalars; nothing else is exchanged."""
    found = compiled[name]
    parameters = 4 * (3 * 3 * 3 * 16 + 2 * 16 + 16 * 10 + 10)
    assert (found["chips"], found["parameters"], found["others"]) == (chips, parameters, 0)
    assert parameters + STATISTICS <= found["sum_bytes"] <= parameters + STATISTICS + 64


@compiles
def test_a_single_chip_sums_nothing(compiled):
    assert compiled["one"]["sums"] == 0


@compiles
def test_the_arguments_are_a_share_of_the_batch_the_weights_and_the_optimizer(compiled):
    images = 8 * (16 * 16 * 3 + 1) * 4
    weights = 2 * compiled["four"]["parameters"] + STATISTICS
    assert images + weights < compiled["four"]["arguments"] < 12 * (images + weights)  # a chip pads small arrays


@compiles
def test_micro_batches_do_the_work_of_the_batch(compiled):
    assert compiled["parts"]["flops"] / compiled["whole"]["flops"] == pytest.approx(1, rel=0.1)
    assert not compiled["parts"]["loops"]


@compiles
def test_a_step_that_is_too_large(misfits):
    assert re.match(
        r"the step does not fit: it needs \d+\.\d\d \w+ in all of a chip's memory, and 15\.75 GiB can be used; take a "
        r"smaller batch",
        misfits["large"],
    ), misfits["large"]


@compiles
def test_a_layer_that_JAX_cannot_trace(misfits):
    assert re.match(
        r"the layer 'mine' \(OnHost\), made in jax_program.py, line \d+, cannot be compiled by JAX: .*numpy",
        misfits["host"],
    ), misfits["host"]


@compiles
def test_a_layer_that_no_TPU_can_do_is_found_layer_by_layer(misfits):
    assert re.match(r"the layer 'mine' \(Eigenvalues\) does not compile: .*eig", misfits["eigenvalues"]), misfits


def test_the_step_does_what_the_trainer_does(found):
    same = found["same"]
    for micro_batch in (None, 8):
        expected = same[f"trained_{micro_batch}"]
        np.testing.assert_allclose(same[f"stepped_{micro_batch}"], expected, rtol=1e-5, atol=1e-6)


@compiles
def test_the_command():
    """The name is Cloud's, and what libtpu prints stays away."""
    small = ["--config.model={'name':'mlp','hidden':[16]}", "--config.augment=None", "--topology=v5litepod-4"]
    command = [sys.executable, "-m", "tf_tricks.cli", "tpu-check", "--backend=jax", "--config=digits", *small]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^topology +v5e:2x2$", done.stdout, re.MULTILINE)
    assert re.search(r"^batch a chip +16$", done.stdout, re.MULTILINE)


def test_no_private_names():
    folder = Path(__file__).parents[2] / "tf_tricks" / "tpu"
    for name in ("on_jax.py", "worker.py"):
        assert "jax._src" not in (folder / name).read_text()
        assert "jaxlib" not in (folder / name).read_text()

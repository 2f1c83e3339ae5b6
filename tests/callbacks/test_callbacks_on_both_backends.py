"""Callbacks do the same in plain fit on JAX and on TensorFlow. Each backend is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROGRAM = Path(__file__).parent / "fit_program.py"


def results(backend, folder):
    output = folder / f"{backend}.npz"
    environment = os.environ | {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.run(
        [sys.executable, PROGRAM, output], env=environment, capture_output=True, text=True, timeout=600
    )
    assert process.returncode == 0, process.stderr
    return dict(np.load(output))


@pytest.mark.slow
def test_jax_gives_what_tensorflow_gives(tmp_path):
    jax, tensorflow = results("jax", tmp_path), results("tensorflow", tmp_path)
    assert (str(jax.pop("backend")), str(tensorflow.pop("backend"))) == ("jax", "tensorflow")
    assert jax.keys() == tensorflow.keys()
    for name, value in tensorflow.items():
        if name.startswith("unfreezing_loss_scale"):
            continue  # half precision rounds differently; the program has looked at what is frozen
        tolerance = 1e-4 if "measured" in name else 2e-5  # a ratio of differences
        np.testing.assert_allclose(jax[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
    for case in ("swa", "ema"):  # the average is what is validated last, and what stays
        assert jax[f"{case}/val_loss"][-1] == pytest.approx(float(jax[f"{case}/evaluated"]), rel=1e-6)

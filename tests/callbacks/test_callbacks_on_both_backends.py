"""Callbacks do the same in plain fit on JAX and on TensorFlow. Each backend is a process of its own."""

from pathlib import Path

import numpy as np
import pytest
from support import backends

PROGRAM = Path(__file__).parent / "fit_program.py"


@pytest.mark.slow
def test_jax_gives_what_tensorflow_gives():
    jax, tensorflow = (backends.run(PROGRAM, name) for name in ("jax", "tensorflow"))
    assert (str(jax.pop("backend")), str(tensorflow.pop("backend"))) == ("jax", "tensorflow")
    assert jax.keys() == tensorflow.keys()
    for name, value in tensorflow.items():
        if name.startswith("unfreezing_loss_scale"):
            continue  # half precision rounds differently; the program has looked at what is frozen
        tolerance = 1e-4 if "measured" in name else 2e-5  # a ratio of differences
        np.testing.assert_allclose(jax[name], value, rtol=tolerance, atol=tolerance, err_msg=name)
    for case in ("swa", "ema"):  # the average is what is validated last, and what stays
        assert jax[f"{case}/val_loss"][-1] == pytest.approx(float(jax[f"{case}/evaluated"]), rel=1e-6)

"""Keras on JAX, as the notebook shows it: eight devices give what one gives. Each is a process of its own."""

from pathlib import Path

import numpy as np
import pytest
from support import backends

PROGRAM = Path(__file__).parent / "data_parallel_program.py"


def trained(num_devices):
    flags = "--xla_force_host_platform_device_count=8"
    return backends.run(PROGRAM, "jax", num_devices, XLA_FLAGS=flags)


@pytest.mark.slow
def test_eight_devices_give_what_one_gives():
    one, eight = (trained(number) for number in (1, 8))
    assert one.keys() == eight.keys()
    for name, value in one.items():
        if name.endswith("/devices"):
            assert (value, eight[name]) == (1, 8)
        else:
            np.testing.assert_allclose(eight[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    for optimizer in ("momentum", "lars"):
        losses, updates = one[f"{optimizer}/history/loss"], one[f"{optimizer}/updates"]
        assert losses[-1] < 0.9 * losses[0]  # or there would be little to compare
        assert updates[:, 0].tolist() == 16 * [64] + 4 * [128]
        assert len(set(updates[:, 1])) == 20  # the rate of every update is its own

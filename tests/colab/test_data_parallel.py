"""Keras on JAX, as the notebook shows it: eight devices give what one gives."""

from pathlib import Path

import numpy as np
import pytest
from support import backends

PROGRAM = Path(__file__).parent / "data_parallel_program.py"


def of(results, number):
    """What a number of devices has given."""
    start = f"{number}/"
    return {name.removeprefix(start): value for name, value in results.items() if name.startswith(start)}


@pytest.mark.slow
def test_eight_devices_give_what_one_gives():
    results = backends.run(PROGRAM, "jax", XLA_FLAGS="--xla_force_host_platform_device_count=8")
    one, eight = of(results, 1), of(results, 8)
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

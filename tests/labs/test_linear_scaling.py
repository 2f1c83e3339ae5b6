"""The lab on linear scaling sees where it holds and where it ends, and cannot be persuaded otherwise."""

import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.linear_scaling import LinearScaling, rate_of, runs

NOISE = np.array([-0.004, -0.001, 0.001, 0.004])


def results(linear=(0.03, 0.031, 0.13), unscaled=0.065, noise=NOISE):
    """Four seeds: errors of the base, of b = N/4 and of b = N, and that without scaling at N/4."""
    errors = {"linear 1": linear[0] + 0 * noise, "linear 32": linear[1] + noise, "linear 128": linear[2] + noise}
    errors |= {"unscaled 32": unscaled + noise, "warm_up 128": linear[2] + noise}
    return {key: [(float(error), 0.1) for error in of_key] for key, of_key in errors.items()}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (results(), REPRODUCED),
        (results(linear=(0.03, 0.065, 0.13)), NOT_REPRODUCED),  # scaling does not help
        (results(linear=(0.03, 0.065, 0.13), unscaled=0.03), NOT_REPRODUCED),  # it hurts
        (results(unscaled=0.031), NOT_REPRODUCED),  # the control keeps the error, too
        (results(linear=(0.03, 0.031, 0.031)), NOT_REPRODUCED),  # it does not vanish as b → N
        (results(noise=10 * NOISE), NOT_REPRODUCED),  # nothing is known
        (results(linear=(0.03, np.nan, 0.13)), NOT_REPRODUCED),
    ],
)
def test_the_verdict(found, verdict):
    assert LinearScaling().judge(found).verdict == verdict


@pytest.mark.parametrize(
    ("kind", "epoch", "rate"),
    [("linear", 0.0, 0.64), ("unscaled", 0.0, 0.02), ("warm_up", 1.5, 0.32), ("warm_up", 3.0, 0.64)],
)
def test_the_rates_of_a_batch_of_256(kind, epoch, rate):
    assert rate_of(kind, 256)(epoch) == pytest.approx(rate)


def test_too_few_examples_are_refused(tmp_path):
    file = str(tmp_path / "few.npz")
    few, labels = np.zeros((60, 4), "float32"), np.arange(60) % 3
    np.savez(file, x_train=few, y_train=labels, x_test=few, y_test=labels)
    with pytest.raises(RequestError, match="has 120 in all"):
        runs(file, 1, ["linear"], 0)

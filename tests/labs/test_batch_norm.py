"""The lab on batch norm sees where it brings nothing, and that it leaves correlations as they are."""

import numpy as np
import pytest

from tf_tricks.labs.batch_norm import BatchNorm, correlations, decades
from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED

RATES = [0.01, 0.1, 1.0, 10.0]
NARROW, WIDE = [0.85, 0.9, 0.0, 0.0], [0.5, 0.95, 0.95, 0.95]


def results(plain=NARROW, normalized=WIDE, fails=0.1, worst=0.9, change=(1e-8, 0.5), spread=0.001):
    """Three seeds; each network at four rates and from two scales."""
    noise = spread * np.array([-1.0, 0.0, 1.0])
    found = {"rates": RATES, "scales": [0.25, 4]}
    for kind, accuracy, scales in (("plain", plain, [fails, fails]), ("batch norm", normalized, [worst, 0.95])):
        sign = 1 if kind == "plain" else -1
        found[kind] = {"rates": np.add.outer(accuracy, sign * noise), "scales": np.add.outer(scales, noise)}
    units = np.eye(2)
    return found | {"correlations": {"units": units, "batch norm": units + change[0], "whitening": units + change[1]}}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"plain": [0.5, 0.95, 0.95, 0.95]}, NOT_REPRODUCED),  # no effect
        ({"plain": WIDE, "normalized": NARROW}, NOT_REPRODUCED),  # reversed
        ({"plain": [0.4, 0.9, 0.9, 0.9]}, NOT_REPRODUCED),  # a gain, and no wider span
        ({"normalized": [0.5, 0.9, 0.9, 0.9]}, NOT_REPRODUCED),  # a wider span, and no gain
        ({"worst": 0.3}, NOT_REPRODUCED),  # it fails from other weights, too
        ({"fails": 0.85}, NOT_REPRODUCED),  # the plain one does not
        ({"normalized": [0.93, 0.95, 0.95, 0.95]}, NOT_REPRODUCED),  # it gains at the smallest rate as well
        ({"change": (0.1, 0.5)}, NOT_REPRODUCED),  # it changes correlations
        ({"change": (1e-8, 1e-8)}, NOT_REPRODUCED),  # which whitening cannot be told from
        ({"spread": 0.1}, NOT_REPRODUCED),  # too unsure
        ({"normalized": [0.5, 0.95, 0.95, float("nan")]}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert BatchNorm().judge(results(**changed)).kind == verdict


def test_a_span_reaches_from_the_lowest_to_the_highest_rate_near_the_best():
    accuracy = np.array([[0.5, 0.9], [0.9, 0.0], [0.0, 0.5], [0.89, 0.5]])
    assert decades(RATES, accuracy).tolist() == pytest.approx([2.0, 0.0])


def test_whitening_leaves_no_correlations_and_batch_norm_those_of_the_units():
    found = correlations("digits")
    assert np.abs(np.array(found["whitening"]) - np.eye(16)).max() < 1e-3
    assert np.abs(np.array(found["units"]) - np.eye(16)).max() > 0.2
    assert found["batch norm"] == pytest.approx(found["units"], abs=1e-5)

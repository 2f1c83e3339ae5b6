"""The lab on small weights sees what stalls, and gains that are others."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.small_normal import DEPTH, GAINS, SmallNormal, gain_of, spreads


def results(small_1=0.9, small_8=0.1, xavier_8=0.9, **gains):
    """Two seeds of what the formulas say, but for what is given."""
    accuracy = {"small 1": small_1, "small 8": small_8, "xavier 8": xavier_8}
    found = {key: {"accuracy": [value, value], "chance": 0.1} for key, value in accuracy.items()}
    factors = GAINS | gains
    return found | {"spreads": {of: [(factors[of] ** np.arange(DEPTH + 1)).tolist()] * 2 for of in GAINS}}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"small_1": 0.2}, NOT_REPRODUCED),  # it serves nowhere
        ({"small_8": 0.9}, NOT_REPRODUCED),  # it serves everywhere
        ({"xavier_8": 0.1}, NOT_REPRODUCED),  # depth does the harm
        ({"tanh": 0.01}, NOT_REPRODUCED),  # the lecture's gain
        ({"relu": GAINS["tanh"]}, NOT_REPRODUCED),
        ({"sigmoid": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    with np.errstate(invalid="ignore"):
        assert SmallNormal().judge(results(**changed)).kind == verdict


def test_the_gain_is_the_slope():
    assert gain_of([8.0, 4.0, 2.0, 1.0]) == pytest.approx(0.5)


def test_the_signal_begins_as_it_is_drawn():
    assert spreads("sigmoid", 0)[0] == pytest.approx(1.0, abs=0.02)

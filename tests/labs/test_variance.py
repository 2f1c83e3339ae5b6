"""The lab on variances knows the formula's factors from others."""

import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.variance import AFTER_RELU, FACTORS, Variance, factor_of


def results(scheme="1/n_in", way="signal", factor=None, relu=AFTER_RELU):
    """Two seeds of what the formula says, but for one factor."""
    found = {
        name: [{of: [1.0, value, value**2] for of, value in factors.items()}] * 2 for name, factors in FACTORS.items()
    }
    if factor is not None:
        found[scheme] = [found[scheme][0] | {way: [1.0, factor, factor**2]}] * 2
    return found | {"behind a ReLU": [relu, relu]}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"factor": 1.2}, NOT_REPRODUCED),
        ({"factor": 0.5, "way": "signal"}, NOT_REPRODUCED),
        ({"factor": 1.0, "way": "gradient"}, NOT_REPRODUCED),
        ({"scheme": "2/(n_in + n_out)", "factor": 2.5}, NOT_REPRODUCED),
        ({"factor": float("nan")}, NOT_REPRODUCED),
        ({"relu": 1.0}, NOT_REPRODUCED),  # the formula would hold where it must not
    ],
)
def test_the_verdict(changed, verdict):
    assert Variance().judge(results(**changed)).kind == verdict


def test_the_factor_of_a_layer():
    assert factor_of([2.0, 1.0, 0.5]) == pytest.approx(0.5)

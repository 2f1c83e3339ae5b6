"""The lab on dropout's factor tells the factors apart."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import CONDITIONAL, NOT_REPRODUCED
from tf_tricks.labs.dropout_scale import DropoutScale, likelihood


def results(right=0.4, wrong=1.2, half=(0.5, 0.5), spread=0.02):
    """Three seeds."""
    noise = spread * np.array([-1, 0, 1])
    of_p = {"1 - p": [right] * 3, "p": list(wrong + noise), "none": [0.6] * 3, "masks": [0.4] * 3}
    return {"0.2": of_p, "0.8": of_p, "0.5": of_p | {"1 - p": [half[0]] * 3, "p": [half[1]] * 3}}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, CONDITIONAL),
        ({"wrong": 0.4}, NOT_REPRODUCED),  # no difference
        ({"wrong": 0.1}, NOT_REPRODUCED),  # reversed
        ({"wrong": 0.7, "spread": 0.5}, NOT_REPRODUCED),  # too unsure
        ({"half": (0.5, 0.6)}, NOT_REPRODUCED),  # something else differs
        ({"wrong": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert DropoutScale().judge(results(**changed)).kind == verdict


def test_the_likelihood_is_that_of_the_labels():
    found = likelihood(np.array([[0.5, 0.5], [0.1, 0.9]]), np.array([0, 1]))
    assert found == pytest.approx(-(np.log(0.5) + np.log(0.9)) / 2)

"""The lab on dropout sees units that do as well without it."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.dropout import ABLATED, AT, Dropout, without


def results(plain=0.6, dropout=0.8, control=0.61, nll=(0.4, 0.36), spread=0.01):
    """Three seeds."""
    noise = spread * np.array([-1.0, 0.0, 1.0])
    found = {}
    for kind, accuracy in (("plain", plain), ("dropout", dropout), ("control", control)):
        of_seeds = np.full((3, len(ABLATED)), 0.95)
        of_seeds[:, ABLATED.index(AT)] = accuracy + (noise if kind == "dropout" else 0)
        found[kind] = {"accuracy": of_seeds.tolist(), "nll": [nll[kind == "dropout"]] * 3}
    return found


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"dropout": 0.6}, NOT_REPRODUCED),  # no effect
        ({"dropout": 0.4}, NOT_REPRODUCED),  # reversed
        ({"spread": 0.3}, NOT_REPRODUCED),  # too unsure
        ({"nll": (0.4, 0.4)}, NOT_REPRODUCED),
        ({"control": 0.75}, NOT_REPRODUCED),  # next to no dropout does it as well
        ({"dropout": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert Dropout().judge(results(**changed)).kind == verdict


def test_what_is_left_is_scaled_to_what_was_there():
    hidden = np.ones((2, 8))
    kernel = np.stack([np.ones(8), np.zeros(8)], axis=1)  # the first logit is the sum of the units, 8 in all cases
    labels = np.array([0, 0])
    assert without(hidden, kernel, np.array([0.0, 7.9]), labels, 0.5, seed=0) == 1.0
    assert without(hidden, kernel, np.array([0.0, 8.1]), labels, 0.5, seed=0) == 0.0

"""The lab on the slides' programs sees one that computes something else."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.frameworks import Frameworks, by_numpy, difference, problem

LOSSES = np.linspace(1.0, 0.1, 50)


def results(**changed):
    """Two seeds."""
    found = {"numpy": LOSSES, "keras": LOSSES * (1 + 1e-7), "slide": np.ones(50), "resnet": [2.0, 0.5]}
    found |= {"control": LOSSES * 1.01} | changed
    return {name: [list(losses), list(losses)] for name, losses in found.items()}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"keras": LOSSES * (1 + 2e-5)}, NOT_REPRODUCED),
        ({"keras": np.full(50, np.nan)}, NOT_REPRODUCED),
        ({"slide": LOSSES}, NOT_REPRODUCED),  # the erratum is none
        ({"resnet": [2.0, 1.5]}, NOT_REPRODUCED),
        ({"control": LOSSES}, NOT_REPRODUCED),  # another rate is the same
    ],
)
def test_the_verdict(changed, verdict):
    assert Frameworks().judge(results(**changed)).kind == verdict


def test_numpy_has_the_right_gradient():
    losses = by_numpy(0, rate=1e-4)
    x, y, w1, w2 = (array.astype("float64") for array in problem(0))

    def loss(w1, w2):
        return np.mean((np.maximum(x @ w1, 0) @ w2 - y) ** 2)

    step = 1e-6
    slope = [(loss(w1, w2 + step * unit) - loss(w1, w2 - step * unit)) / (2 * step) for unit in units(w2)]
    assert losses[0] == pytest.approx(loss(w1, w2))
    # What a small step along the gradient gains is its squared norm, of which w2's part is this sum.
    assert losses[0] - losses[1] > 1e-4 * np.sum(np.square(slope)) > 0


def units(array):
    """The first unit vectors of a matrix's row."""
    for i in range(array.shape[1]):
        unit = np.zeros_like(array)
        unit[0, i] = 1
        yield unit


def test_the_largest_difference_is_relative():
    assert difference([[1.0, 3.0]], [[1.0, 2.0]]) == 0.5

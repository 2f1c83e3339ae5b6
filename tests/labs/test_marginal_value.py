"""The lab on adaptive methods sees where they generalize, and poses Wilson et al.'s problem."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.marginal_value import ADAPTIVE, METHODS, MarginalValue, problem


def results(descent=1.0, adaptive=0.6, cosine=1.0, loss=1e-5, control=1.0):
    """Two seeds."""
    found = {}
    for name in METHODS:
        accuracy = adaptive if name in ADAPTIVE else descent
        found[name] = [{"accuracy": accuracy, "positive": 0.6, "cosine": cosine, "loss": loss}] * 2
    return found | {"control": [{"accuracy": control}] * 2}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"descent": 0.999}, NOT_REPRODUCED),
        ({"adaptive": 1.0}, NOT_REPRODUCED),  # they generalize
        ({"descent": 0.6, "adaptive": 1.0}, NOT_REPRODUCED),  # reversed
        ({"adaptive": 0.61}, NOT_REPRODUCED),
        ({"cosine": 0.9}, NOT_REPRODUCED),  # for another reason
        ({"loss": 0.5}, NOT_REPRODUCED),  # nothing is fitted
        ({"control": 0.6}, NOT_REPRODUCED),
        ({"loss": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert MarginalValue().judge(results(**changed)).kind == verdict


def test_along_the_signs_all_examples_are_fitted_at_once():
    """Lemma 3.1 of the paper: X sign(Xᵀy) is a multiple of y, so that one number λ fits them all."""
    inputs, labels = problem(0, common=2)
    np.testing.assert_array_equal(inputs @ np.sign(inputs.T @ labels), 4 * labels)


def test_gradient_descent_ends_at_the_weights_of_least_norm_which_are_right():
    inputs, labels = problem(0, common=2)
    weights = np.linalg.lstsq(inputs.astype("float64"), labels, rcond=None)[0]
    assert weights[0] > weights[1] + weights[2] > 0

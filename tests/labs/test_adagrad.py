"""The lab on AdaGrad sees what the exchange of the axes does, and steps as its formula has them."""

import numpy as np
import pytest

from tf_tricks.labs.adagrad import Adagrad, before_and_after, share_lost, steps_to_arrive
from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED


def results(adagrad=(10, 1000), rmsprop=(100, 110), sgd=(230, 230), unchanged=(10, 15), apart=1e-9, apart_sgd=1.0):
    """Steps before and after the exchange, and how far the ways along the axes differ."""
    kept = {"adagrad": (adagrad, apart), "rmsprop": (rmsprop, 1e-9), "sgd": (sgd, apart_sgd)}
    kept["adagrad, no exchange"] = (unchanged, apart)
    found = {name: {"steps": list(steps), "apart": differ} for name, (steps, differ) in kept.items()}
    return found | {"lost": {"adagrad, ε = 0": 1 / 3}}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"apart": 0.01}, NOT_REPRODUCED),  # the axes are not alike
        ({"apart_sgd": 0.0}, NOT_REPRODUCED),  # gradient descent's are as well
        ({"sgd": (20, 20)}, NOT_REPRODUCED),  # AdaGrad is hardly faster
        ({"sgd": (5, 5)}, NOT_REPRODUCED),  # or slower
        ({"adagrad": (10, 20)}, NOT_REPRODUCED),  # it does not get slow
        ({"adagrad": (10, None)}, NOT_REPRODUCED),
        ({"rmsprop": (100, 1000)}, NOT_REPRODUCED),  # RMSprop gets slow as well
        ({"unchanged": (10, 1000)}, NOT_REPRODUCED),  # and the exchange is not the reason
    ],
)
def test_the_verdict(changed, verdict):
    assert Adagrad().judge(results(**changed)).kind == verdict


def test_the_walk_is_that_of_the_formula():
    place, squares, expected = np.ones(2), np.zeros(2), [np.ones(2)]
    for _ in range(5):
        gradient = np.array([1.0, 100.0]) * place
        squares += gradient**2
        place = place - 0.5 * gradient / np.sqrt(squares)
        expected.append(place)
    np.testing.assert_allclose(before_and_after("adagrad", True)["before"][:6], expected, atol=1e-12)


def test_only_a_gradient_of_0_is_lost_and_only_without_epsilon():
    assert share_lost("rmsprop", 0.0) == pytest.approx(1 / 3)
    assert share_lost("rmsprop", 1e-7) == 0


def test_it_has_arrived_when_both_have():
    assert steps_to_arrive(np.array([[1.0, 1.0], [0.0, 1.0], [0.005, -0.01]])) == 2
    assert steps_to_arrive(np.array([[1.0, 1.0], [0.0, 1.0]])) is None

"""The lab on Adam's proof sees where the walks end; they are those of the algorithm as it is written."""

import math

import numpy as np
import pytest
from keras import ops

import tf_tricks as tt
from tf_tricks.labs.adam import METHODS, Adam, InverseRoot, slope
from tf_tricks.labs.bench.descent import descend
from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [
        ((0.997, -0.998, -0.997), REPRODUCED),
        ((-0.997, -0.998, -0.997), NOT_REPRODUCED),  # Adam converges
        ((0.5, -0.998, -0.997), NOT_REPRODUCED),
        ((-0.998, 0.997, -0.997), NOT_REPRODUCED),  # reversed
        ((0.997, 0.0, -0.997), NOT_REPRODUCED),  # AMSGrad does not converge
        ((0.997, -0.998, 0.997), NOT_REPRODUCED),  # a long memory does not help
        ((float("nan"), -0.998, -0.997), NOT_REPRODUCED),
    ],
)
def test_the_verdict(ends, verdict):
    assert Adam().judge({name: {"end": end, "regret": 0.1} for name, end in zip(METHODS, ends)}).kind == verdict


@pytest.mark.parametrize("name", ["adam", "amsgrad"])
def test_the_walk_is_that_of_the_algorithm(name):
    """Kingma & Ba's algorithm 1 in Python, with Keras's correction, which AMSGrad's largest square comes before."""
    optimizer = tt.optimizers.get({"name": "adam", **METHODS[name]})
    optimizer.learning_rate = InverseRoot(0.5)
    path = descend(optimizer, slope, [0.0], 150, constraint=lambda x: ops.clip(x, -1.0, 1.0))[:, 0]
    x, mean, square, largest, expected = 0.0, 0.0, 0.0, 0.0, [0.0]
    for step in range(150):
        gradient = 1010.0 if step % 101 == 0 else -10.0
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.99 * square + 0.01 * gradient**2
        largest = max(largest, square) if name == "amsgrad" else square
        corrected = math.sqrt(1 - 0.99 ** (step + 1)) / (1 - 0.9 ** (step + 1))
        x = min(max(x - 0.5 / math.sqrt(step + 1) * corrected * mean / math.sqrt(largest), -1.0), 1.0)
        expected.append(x)
    np.testing.assert_allclose(path, expected, atol=1e-4)


def test_the_sum_over_a_period_is_lowest_at_minus_one():
    slopes = [float(slope(np.zeros(1, "float32"), step)[0]) for step in range(101)]
    assert sum(slopes) == 10

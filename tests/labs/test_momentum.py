"""The lab on momentum sees square roots and overshoots, and steps as closed forms have them."""

import numpy as np
import pytest

from tf_tricks.labs.bench.descent import descend
from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.momentum import Momentum, overshoot, steps_until_near, walk


def results(descent=1.0, ball=0.5, nesterov=0.5, steep=(0.7, 0.4), flat=(0.01, 0.01), round_bowl=(1, 200), same=1e-15):
    """Steps that grow as κ to these powers, and walks that overshoot so far."""
    conditions = [100.0, 1000.0, 10000.0]
    powers = {"descent": descent, "heavy ball": ball, "nesterov": nesterov}
    walks = {
        kind: {"heavy ball": [[1.0], [-ends[0]]], "nesterov": [[1.0], [-ends[1]]]}
        for kind, ends in (("steep", steep), ("flat", flat))
    }
    steps = {method: [10 * kappa**power for kappa in conditions] for method, power in powers.items()}
    return {
        "conditions": conditions,
        "steps": steps,
        "round": round_bowl,
        "difference from eq. (5)": same,
        "distance by eq. (4)": 0.0,
        **walks,
    }


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"ball": 1.0}, NOT_REPRODUCED),  # heavy ball does not accelerate
        ({"nesterov": 1.0}, NOT_REPRODUCED),
        ({"descent": 0.5, "ball": 1.0}, NOT_REPRODUCED),  # reversed
        ({"steep": (0.4, 0.4)}, NOT_REPRODUCED),  # Nesterov's overshoots as far
        ({"steep": (0.4, 0.7)}, NOT_REPRODUCED),
        ({"flat": (0.4, 0.1)}, NOT_REPRODUCED),  # also where the two must be the same
        ({"round_bowl": (200, 1)}, NOT_REPRODUCED),  # momentum accelerates where nothing can
        ({"same": 1e-6}, NOT_REPRODUCED),  # another step than the lecture's
        ({"ball": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert Momentum().judge(results(**changed)).kind == verdict


def test_a_walk_that_does_not_arrive_shows_nothing():
    found = results()
    found["steps"]["descent"][1] = None
    assert Momentum().judge(found).kind == NOT_REPRODUCED


def test_heavy_ball_is_a_power_of_its_companion_matrix():
    """On a parabola x, x' ↦ x', (1 + μ − ηλ) x' − μx."""
    path = walk("heavy ball", 0.2, 0.9, [1.0], 30)[:, 0]
    matrix = np.array([[0.0, 1.0], [-0.9, 1.9 - 0.2]])
    expected = [(np.linalg.matrix_power(matrix, step) @ [1.0, 1.0])[0] for step in range(1, 31)]
    np.testing.assert_allclose(path[:-1], expected, atol=1e-5)


def test_overshoot_and_steps_of_a_way():
    assert overshoot([[1.0], [-0.5], [0.2]]) == 0.5
    assert steps_until_near(np.array([[1.0], [0.0], [0.5], [1e-7], [0.0]])) == 3  # it flew through the minimum first
    assert steps_until_near(np.array([[1.0], [0.5]])) is None


def test_an_optimizer_goes_on_where_it_was():
    import keras

    halves, whole = (keras.optimizers.Adagrad(0.5, initial_accumulator_value=0.0) for _ in range(2))
    first = descend(halves, lambda point, _: point, [1.0, 2.0], 3)
    second = descend(halves, lambda point, _: point, first[-1], 3)
    both = np.concatenate([first, second[1:]])
    np.testing.assert_allclose(both, descend(whole, lambda point, _: point, [1.0, 2.0], 6), rtol=1e-6)

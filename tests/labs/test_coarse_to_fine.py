"""The lab on two stages sees what narrowing brings, and cannot be persuaded otherwise."""

import numpy as np
import pytest

from tf_tricks.labs.bench.trials import SPACE
from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.coarse_to_fine import FINE, SINGLE, CoarseToFine, searches

NOISE = np.array([-0.002, 0.0, 0.0, 0.002])


def results(finer=0.97, not_narrowed=0.953, single=0.96, linear=0.45, noise=NOISE):
    """Four seeds in which the best of each search has this accuracy."""
    best = {"finer": finer + noise, "not narrowed": not_narrowed + 0 * noise, "single": single - noise / 2}
    best["linear"] = linear + noise
    return {key: [[0.1, one] for one in value] for key, value in best.items()}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (results(), REPRODUCED),
        (results(finer=0.96), NOT_REPRODUCED),  # no effect
        (results(finer=0.94), NOT_REPRODUCED),  # reversed
        (results(not_narrowed=0.969), NOT_REPRODUCED),  # the control shows it, too
        (results(linear=0.955), NOT_REPRODUCED),  # linear scales do as well
        (results(noise=10 * NOISE), NOT_REPRODUCED),  # nothing is known
        (results(finer=np.nan), NOT_REPRODUCED),
    ],
)
def test_the_verdict(found, verdict):
    assert CoarseToFine().judge(found).verdict == verdict


class Recorded:
    """Trials of a function of the point, whose best learning rate is 0.1; notes what is asked for."""

    def __init__(self):
        self.asked = []

    def accuracies(self, points, epochs):
        self.asked.append((points, epochs))
        return [1 - abs(np.log10(point["learning_rate"] / 0.1)) / 5 for point in points]


def test_both_ways_have_as_many_epochs():
    trials = Recorded()
    found = searches(trials, 0, 2)
    coarse, best, finer, again, single, linear = (len(points) * epochs for points, epochs in trials.asked)
    assert coarse + best + finer == coarse + best + again == single == linear
    assert [len(found[key]) for key in ("finer", "not narrowed", "single")] == [FINE, FINE, SINGLE]


def test_the_finer_stage_looks_around_the_best_coarse_trials():
    trials = Recorded()
    searches(trials, 0, 2)
    finer, again = (np.log10([point["learning_rate"] for point in trials.asked[i][0]]) for i in (2, 3))
    assert np.all(np.abs(finer + 1) < 1)
    assert np.ptp(again) > 2
    assert trials.asked[2][0][0].keys() == SPACE.keys()


def test_the_single_stage_begins_as_the_coarse_one():
    trials = Recorded()
    searches(trials, 0, 2)
    assert trials.asked[4][0] == trials.asked[0][0][:SINGLE]

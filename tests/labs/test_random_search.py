"""The lab on random search sees what a grid misses, and cannot be persuaded otherwise."""

import numpy as np
import pytest

from tf_tricks.labs.bench.trials import SPACE
from tf_tricks.labs.bench.verdict import CONDITIONAL, NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.random_search import RandomSearch, best_of, dealt, gain, grid

POOL = [np.linspace(0.1, 0.96, 32).tolist()] * 4


def results(ends, middles, random=POOL, control=None):
    """A pool, and grids of which the best points have these accuracies."""
    found = {"random": random, "ends": [[0.1] * 15 + [best] for best in ends], "large": []}
    found["middles"] = [[0.1] * 15 + [best] for best in middles]
    found["dealt"] = control or {"random": random, "ends": [[0.94] * 16] * 4}
    return found


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (results([0.80, 0.82, 0.84, 0.85], [0.93, 0.94, 0.95, 0.96]), CONDITIONAL),
        (results([0.80, 0.82, 0.84, 0.85], [0.85, 0.86, 0.85, 0.84]), REPRODUCED),
        (results([0.92, 0.93, 0.94, 0.93], [0.93, 0.94, 0.95, 0.96]), NOT_REPRODUCED),  # no effect
        (results([0.99, 0.98, 0.99, 0.99], [0.93, 0.94, 0.95, 0.96]), NOT_REPRODUCED),  # reversed
        (results([0.10, 0.99, 0.99, 0.99], [0.93, 0.94, 0.95, 0.96]), NOT_REPRODUCED),  # one bad grid makes the mean
        (results([np.nan] * 4, [0.9] * 4), NOT_REPRODUCED),
        (results([0.80] * 4, [0.94] * 4, control={"random": POOL, "ends": [[0.8] * 16] * 4}), NOT_REPRODUCED),
    ],
)
def test_the_verdict(found, kind):
    assert RandomSearch().judge(found).kind == kind


def test_the_best_of_n_is_that_of_order_statistics():
    pool = [np.linspace(0, 1, 1001).tolist()]
    assert best_of(pool, 4, searches=8).mean() == pytest.approx(4 / 5, abs=0.01)  # E of the largest of n: n/(n + 1)


def test_a_search_is_as_good_as_grids_of_the_same_trials():
    values = np.random.default_rng(0).uniform(size=(100, 16)).tolist()
    assert gain(values, values).value == pytest.approx(0.0, abs=0.02)


def test_what_is_dealt_out_is_what_was_found():
    shuffled = dealt({"random": [[1.0, 2.0], [3.0]], "ends": [[4.0, 5.0]]})
    groups = [*shuffled["random"], *shuffled["ends"]]
    assert [len(group) for group in groups] == [2, 1, 2]
    assert sorted(np.concatenate(groups)) == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(("kind", "edge"), [("ends", 0.25), ("middles", 0.5)])
def test_a_grid_has_two_values_along_each_axis(kind, edge):
    made = grid(kind, 3, 16)
    for name, distribution in SPACE.items():
        low, high = np.log([distribution.low, distribution.high])
        places = sorted({(np.log(point[name]) - low) / (high - low) for point in made})
        assert (len(made), len(places)) == (16, 2)
        assert 0 <= places[0] <= edge <= 1 - edge <= places[1] <= 1
        assert places[1] - places[0] >= 0.5 - 1e-9

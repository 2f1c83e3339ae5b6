"""The stages of a search and the narrower space of the second."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tf_tricks as tt
from tf_tricks.search import choice, integers, log_uniform, uniform
from tf_tricks.search.points import as_distribution, points
from tf_tricks.search.stages import narrowed, stages

SPACE = {"rate": log_uniform(1e-4, 1.0), "dropout": uniform(0.0, 0.5), "layers": integers(1, 8), "size": choice(32, 64)}


@given(trials=st.integers(1, 300), share=st.floats(0, 1))
def test_stages_have_all_trials_one_after_the_other(trials, share):
    coarse = round(trials * share)
    if share > 0 and coarse < min(3, trials):
        with pytest.raises(tt.RequestError, match="would be coarse, which is too few"):
            stages(trials, share, 3, 9)
        return
    found = stages(trials, share, 3, 9)
    assert [stage.first for stage in found] == list(np.cumsum([0, *[stage.trials for stage in found]])[:-1])
    assert sum(stage.trials for stage in found) == trials
    assert all(stage.trials > 0 for stage in found)


@pytest.mark.parametrize("sampler", ["random", "quasi_random", "grid"])
def test_points_of_the_narrower_space_lie_in_the_wider_one(sampler):
    tried = points("random", SPACE, 40, seed=3)
    found = narrowed(SPACE, tried, [-abs(np.log10(point["rate"]) + 2) for point in tried])
    best = sorted(tried, key=lambda point: abs(np.log10(point["rate"]) + 2))[:10]
    for point in points(sampler, found, 40, seed=4):
        assert 10**-2.6 < point["rate"] < 10**-1.4
        for path, value in point.items():
            assert SPACE[path]._contains(SPACE[path].to_internal_repr(value)), path
    for path in ("rate", "dropout", "layers"):
        values = [point[path] for point in best]
        assert found[path].low <= np.median(values) <= found[path].high
        assert found[path].log == SPACE[path].log


def test_bounds_are_the_quantiles_of_the_best_and_a_tenth_around():
    tried = [{"dropout": value} for value in np.linspace(0.0, 0.5, 40)]
    found = narrowed({"dropout": SPACE["dropout"]}, tried, list(range(40)))["dropout"]
    low, high = np.quantile(np.linspace(0.0, 0.5, 40)[30:], [0.1, 0.9])
    margin = (high - low) / 10
    assert (found.low, found.high) == pytest.approx((low - margin, high + margin))


def test_only_choices_of_the_best_are_left():
    tried = [{"size": 32}] * 9 + [{"size": 64}] * 3
    assert narrowed({"size": SPACE["size"]}, tried, list(range(12)))["size"] == (64,)
    assert as_distribution((64,)).choices == (64,)


def test_of_too_few_trials_the_space_stays():
    assert narrowed(SPACE, points("random", SPACE, 2, 0), [1.0, 2.0]) == SPACE


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 0.5, 3, 9), "trials must be an integer at least 1"),
        ((8, 1.5, 3, 9), "coarse_share must be a number at least 0 and at most 1"),
        ((8, 0.5, 0, 9), "coarse_epochs must be a number above 0"),
        ((8, 0.5, 3, -1), "fine_epochs must be a number above 0"),
        ((4, 0.5, 3, 9), "2 of 4 trials would be coarse, which is too few"),
    ],
)
def test_numbers_out_of_range(arguments, sentence):
    with pytest.raises(tt.RequestError, match=sentence):
        stages(*arguments)

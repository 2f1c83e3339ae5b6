"""What trials draw: Optuna's samplers, as a function of seed and number."""

import itertools

import numpy as np
import optuna
import pytest
import scipy.stats

import tf_tricks as tt
from tf_tricks.search import choice, integers, log_uniform, uniform
from tf_tricks.search.points import points

SPACE = {"rate": log_uniform(1e-4, 1.0), "dropout": uniform(0.0, 0.5), "size": choice(32, 64, "all")}


def test_random_points_are_those_of_optunas_study():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=5))
    wanted = []
    for _ in range(6):
        trial = study.ask(SPACE)
        wanted.append(trial.params)
        study.tell(trial, 0.0)
    assert points("random", SPACE, 6, seed=5) == wanted


@pytest.mark.parametrize("sampler", ["random", "quasi_random"])
def test_more_trials_begin_with_the_same(sampler):
    assert points(sampler, SPACE, 40, seed=1)[:8] == points(sampler, SPACE, 8, seed=1)
    assert points(sampler, SPACE, 8, seed=1) != points(sampler, SPACE, 8, seed=2)


def test_rates_are_uniform_on_a_logarithmic_scale():
    rates = np.log10([point["rate"] for point in points("random", SPACE, 500, seed=0)])
    assert scipy.stats.kstest(rates, scipy.stats.uniform(-4, 4).cdf).pvalue > 0.01


def test_quasi_random_points_are_more_even_than_random_ones():
    uneven = {}
    for sampler in ("random", "quasi_random"):
        drawn = points(sampler, SPACE, 64, seed=0)
        places = np.array([[(np.log10(p["rate"]) + 4) / 4, 2 * p["dropout"]] for p in drawn])
        uneven[sampler] = scipy.stats.qmc.discrepancy(places)
    assert uneven["quasi_random"] < uneven["random"] / 3


@pytest.mark.parametrize("number", [12, 27, 30, 48])
def test_a_grid_is_every_combination(number):
    drawn = points("grid", SPACE, number, seed=0)
    axes = [list(dict.fromkeys(point[path] for point in drawn)) for path in SPACE]
    assert [tuple(point.values()) for point in drawn] == list(itertools.product(*axes))
    along = max(n for n in range(2, 10) if 3 * n * n <= number)
    assert [len(axis) for axis in axes] == [along, along, 3]
    np.testing.assert_allclose(axes[0], np.geomspace(1e-4, 1, along))
    np.testing.assert_allclose(axes[1], np.linspace(0, 0.5, along))


def test_a_grid_of_integers_has_each_once():
    assert [point["layers"] for point in points("grid", {"layers": integers(1, 3)}, 10, seed=0)] == [1, 2, 3]


def test_a_grid_that_is_larger_than_the_trials():
    with pytest.raises(tt.RequestError, match=r"a grid of two values along each of 3 axes, .* has 12 points"):
        points("grid", SPACE, 11, seed=0)

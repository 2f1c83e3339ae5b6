"""The expected calibration error against scikit-learn's calibration curve, and by hand."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from tf_tricks.reports.calibration import Calibration

RNG = np.random.default_rng(0)
CONFIDENCES = RNG.beta(3, 1, 500)
RIGHTS = (RNG.random(500) < CONFIDENCES**2).astype(float)


def calibration(confidences, rights, weights=None, sizes=(7, 200)):
    made = Calibration()
    weights = np.ones(len(rights)) if weights is None else weights
    for rows in np.array_split(np.arange(len(rights)), sizes):
        made.add(confidences[rows], rights[rows], weights[rows])
    return made


def test_the_bins_are_scikit_learns():
    made = calibration(CONFIDENCES, RIGHTS)
    accuracies, confidences = calibration_curve(RIGHTS, CONFIDENCES, n_bins=15)
    there = made.weights > 0
    np.testing.assert_allclose(made.accuracies[there], accuracies)
    np.testing.assert_allclose(made.confidences[there], confidences)


def test_the_error_is_the_mean_gap_by_the_bins_sizes():
    accuracies, confidences = calibration_curve(RIGHTS, CONFIDENCES, n_bins=15)
    sizes = np.histogram(CONFIDENCES, np.linspace(0, 1, 16))[0]
    expected = np.sum(sizes[sizes > 0] / 500 * np.abs(accuracies - confidences))
    assert calibration(CONFIDENCES, RIGHTS).error == pytest.approx(expected)


def test_whole_weights_are_examples_several_times():
    weights = RNG.integers(0, 4, 500)
    repeated = calibration(np.repeat(CONFIDENCES, weights), np.repeat(RIGHTS, weights))
    weighted = calibration(CONFIDENCES, RIGHTS, weights.astype(float))
    assert weighted.error == pytest.approx(repeated.error)
    assert weighted.summary()["bins"] == [pytest.approx(row) for row in repeated.summary()["bins"]]


def test_a_bin_has_its_upper_edge():
    made = calibration(np.array([1 / 15, 2 / 15, 1.0, 0.0]), np.ones(4), sizes=())
    assert np.flatnonzero(made.weights).tolist() == [0, 1, 14]
    assert made.weights[0] == 2


def test_one_that_is_as_sure_as_right():
    assert calibration(np.full(4, 0.75), np.array([1.0, 1, 1, 0]), sizes=()).error == pytest.approx(0, abs=1e-12)

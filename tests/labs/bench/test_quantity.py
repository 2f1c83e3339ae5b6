"""Quantities are compared as statistics has it."""

import numpy as np
import pytest
from scipy import stats

from tf_tricks.labs.bench.quantity import at_least, at_most, bootstrapped, equivalent, interval, reported, within

NOISY = [0.02, 0.04, 0.03, 0.05, 0.01]


def test_the_interval_is_students():
    low, high = interval(NOISY)
    half = stats.t.ppf(0.975, 4) * np.std(NOISY, ddof=1) / np.sqrt(5)
    np.testing.assert_allclose([low, high], [0.03 - half, 0.03 + half])


@pytest.mark.parametrize("margin", [0.02, 0.03, 0.04, 0.05, 0.06])
def test_two_things_are_equal_where_the_90_percent_interval_lies_within_the_margin(margin):
    half = stats.t.ppf(0.95, 4) * np.std(NOISY, ddof=1) / np.sqrt(5)  # two one-sided tests at 5 %
    assert equivalent(NOISY, margin).holds == (0.03 + half < margin)


@pytest.mark.parametrize(
    ("quantity", "holds"),
    [
        (at_least(NOISY, 0.03), True),
        (at_least(NOISY, 0.031), False),
        (at_least(NOISY, 0.01, above=0.0), True),
        (at_least([0.5, -0.4, 0.2], 0.01, above=0.0), False),  # large, and unsure
        (at_least(0.5, 0.01, above=0.0), False),  # a single number has no interval
        (at_least([float("nan"), 1.0], 0.0), False),
        (at_most([-0.03, -0.02], 0.0, below=0.0), False),
        (at_most(NOISY, 0.031, below=0.06), True),
        (at_most(float("nan"), 0.0), False),
        (within(NOISY, 0.0, 0.031), True),
        (within(NOISY, 0.0, 0.029), False),
        (within(float("inf"), 0.0, 1.0), False),
        (equivalent([0.0, 0.0, 0.0], 0.01), True),
        (equivalent([0.02, 0.02, 0.02], 0.01), False),
        (reported(NOISY), None),
    ],
)
def test_what_holds(quantity, holds):
    assert quantity.holds is holds


def test_a_bootstrap_repeats_itself():
    assert bootstrapped(NOISY, seed=3) == bootstrapped(NOISY, seed=3)


def test_numbers_that_json_has_not_are_texts():
    assert at_least(float("nan"), 1.0).plain()["value"] == "nan"

"""The statistics of an ablation, against SciPy's and by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from tf_tricks.search.ablation.effects import (
    HURTS,
    MIXED,
    NOTHING,
    PAYS,
    UNKNOWN,
    Effect,
    effect,
    interval_of,
    verdict_of,
)
from tf_tricks.search.ablation.findings import Finding, difference_text, notes, sentence, unit_of

RNG = np.random.default_rng(0)


def of(with_it, without_it, direction="up", seconds_with=(), seconds_without=()):
    return effect(
        *(dict(enumerate(values)) for values in (with_it, without_it)),
        direction,
        *(dict(enumerate(values)) for values in (seconds_with, seconds_without)),
    )


@pytest.mark.parametrize("number", [2, 3, 5, 20])
def test_the_interval_is_scipys_of_the_paired_differences(number):
    with_it, without_it = RNG.normal(size=(2, number))
    found = of(with_it, without_it)
    wanted = stats.ttest_rel(with_it, without_it).confidence_interval(0.95)
    assert found.interval == pytest.approx((wanted.low, wanted.high), rel=1e-12)
    assert found.mean == pytest.approx(np.mean(with_it - without_it))
    differences = with_it - without_it
    assert list(found.differences.values()) == pytest.approx(differences)


def test_an_interval_by_hand():
    # Differences 1, 2, 4, 5: mean 3, s² = (4 + 1 + 1 + 4)/3, t(97.5 %, 3) = 3.18245 of the table
    half = 3.18245 * math.sqrt(10 / 3 / 4)
    assert interval_of([1.0, 2.0, 4.0, 5.0]) == pytest.approx((3 - half, 3 + half), rel=1e-4)


def test_pairs_are_by_seed():
    """Seeds differ much more than the trick does; only pairs see it."""
    easy = RNG.normal(scale=100.0, size=6)
    found = of(easy + 1 + RNG.normal(scale=0.01, size=6), easy)
    assert found.verdict == PAYS
    assert found.interval == pytest.approx((1, 1), abs=0.03)


def test_of_a_metric_that_falls_less_is_better():
    up, down = of([0.9, 0.8], [0.5, 0.3], "up"), of([0.9, 0.8], [0.5, 0.3], "down")
    assert up.mean == pytest.approx(0.45)
    assert down.mean == pytest.approx(-0.45)
    assert down.interval == pytest.approx((-up.interval[1], -up.interval[0]))


def test_equal_differences_have_an_interval_of_no_width():
    assert interval_of([0.1] * 3) == (0.1, 0.1)  # whose mean, summed, is not 0.1
    none = of([0.5, 0.25], [0.5, 0.25])
    assert (none.interval, none.verdict) == ((0.0, 0.0), NOTHING)
    assert of([0.75, 0.5], [0.5, 0.25]).verdict == PAYS
    assert difference_text(none, "val_accuracy") == "0.0 pp [0.0, 0.0]"


def test_rounding_is_no_difference():
    """Accuracies of 144 examples as they come, in float32: one example more is one example more at any height."""
    fractions = np.arange(130, 145, dtype="float32") / np.float32(144)
    one_more = of(fractions[1:].astype(float), fractions[:-1].astype(float))
    assert len(set(one_more.differences.values())) > 1
    assert one_more.interval[0] == one_more.interval[1] == one_more.mean == pytest.approx(1 / 144, rel=1e-5)
    up = np.nextafter(fractions, np.float32(2))
    none = of(up.astype(float), fractions.astype(float))
    assert (none.mean, none.interval, none.verdict) == (0.0, (0.0, 0.0), NOTHING)
    losses = np.float32([1e-6, 2e-6, 3e-6])  # small values are not rounding
    assert of(losses.astype(float), (losses * 2).astype(float), "down").verdict == NOTHING
    assert of(losses.astype(float), (losses + np.float32(1e-5)).astype(float), "down").verdict == PAYS


def test_one_seed_has_no_interval():
    found = of([0.9], [0.8])
    assert (found.interval, found.verdict) == (None, UNKNOWN)
    assert difference_text(found, "val_accuracy") == "+10.0 pp (one pair)"


def test_pairs_without_a_value_are_left_out():
    found = of([0.9, None, 0.8, None], [0.8, 0.7, None, None])
    assert list(found.differences) == [0]
    assert found.left_out == {
        1: "the run with it has no value",
        2: "the run without it has no value",
        3: "both runs have no value",
    }
    assert (found.with_bad, found.without_bad) == (2, 2)


def test_a_trick_without_which_all_diverges_pays():
    found = of([0.9, 0.8], [None, None])
    assert (found.mean, found.interval, found.verdict) == (None, None, PAYS)
    assert of([None, None], [0.9, 0.8]).verdict == HURTS
    assert of([None, None], [None, None]).verdict == UNKNOWN
    finding = Finding("warm_up", "epochs=2", True, found, of([0.9, 0.8], [0.9, 0.8]))
    assert finding.verdict == PAYS
    assert sentence(finding, "val_accuracy") == (
        "pays: no pair of runs beside the others, 0.0 pp [0.0, 0.0] alone; beside the others, 2 of 2 runs without it "
        "have no value, so that the pairs of seed 0, 1 are left out; alone, all 2 differences are equal, which gives "
        "an interval of no width"
    )


def test_the_time_is_the_median_of_the_ratios():
    found = of([0.9] * 3, [0.8] * 3, seconds_with=[2.0, 3.0, 40.0], seconds_without=[1.0, 2.0, 4.0])
    assert found.time_ratios == {0: 2.0, 1: 1.5, 2: 10.0}
    assert Finding("x", "", True, found, found).time_ratio == 2.0
    unknown = of([0.9, 0.8], [0.8, 0.7], seconds_with=[None, 2.0], seconds_without=[1.0, None])
    assert unknown.time_ratios == {}
    assert Finding("x", "", True, unknown, unknown).time_ratio is None


@pytest.mark.parametrize(
    ("removed", "added", "wanted"),
    [
        (PAYS, PAYS, PAYS),
        (PAYS, NOTHING, PAYS),
        (NOTHING, HURTS, HURTS),
        (PAYS, HURTS, MIXED),
        (NOTHING, UNKNOWN, NOTHING),
        (UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_the_verdict_of_both_effects(removed, added, wanted):
    intervals = {PAYS: (0.1, 0.2), HURTS: (-0.2, -0.1), NOTHING: (-0.1, 0.2), UNKNOWN: None}
    made = [Effect({0: 0.1}, {}, 0, 0, 0.1, intervals[verdict], {}) for verdict in (removed, added)]
    assert [one.verdict for one in made] == [removed, added]
    assert verdict_of(*made) == wanted


def test_how_differences_are_said():
    rise = of([0.91, 0.92, 0.915], [0.9, 0.9, 0.9])
    assert difference_text(rise, "val_accuracy") == "+1.5 pp [0.3, 2.7]"
    small = Effect({0: 0.002}, {}, 0, 0, 0.002, (-0.001, 0.005), {})
    assert difference_text(small, "val_accuracy") == "+0.20 pp [-0.10, 0.50]"
    assert difference_text(small, "val_loss") == "+0.002 [-0.001, 0.005]"
    nothing = Effect({0: 0.0}, {}, 0, 0, -1e-8, (-0.017, 0.017), {})
    assert difference_text(nothing, "val_accuracy") == "0.0 pp [-1.7, 1.7]"
    assert unit_of("val_mean_squared_error") == ("", 1.0)
    assert notes(Finding("x", "", True, rise, rise)) == []

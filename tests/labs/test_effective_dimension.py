"""The lab on effective dimensions counts what the formulas say, and cannot be persuaded otherwise."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import CONDITIONAL, NOT_REPRODUCED
from tf_tricks.labs.effective_dimension import CHANCES, EffectiveDimension, hits

NOISE = np.array([-0.002, 0.0, 0.002])


def results(**changed):
    """Three seeds with the chances of the formulas, but for what is changed: `one_random` is "one axis, random"."""
    found = {", ".join(chance): NOISE + expected for chance, expected in CHANCES.items()}
    for key, value in changed.items():
        target, sampler = key.split("_")
        found[f"{target} {'axis' if target == 'one' else 'axes'}, {sampler}"] = NOISE + value
    return found


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({}, CONDITIONAL),
        ({"one_random": 0.4}, NOT_REPRODUCED),  # no effect
        ({"one_random": 0.4, "one_grid": 0.9988}, NOT_REPRODUCED),  # reversed
        ({"all_random": 0.9}, NOT_REPRODUCED),  # the control shows it, too
        ({"one_random": 0.97}, NOT_REPRODUCED),  # another formula
        ({"one_random": np.array([-0.3, 0.0, 0.3]) + 0.9}, NOT_REPRODUCED),  # nothing is known
        ({"one_random": np.nan}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, kind):
    assert EffectiveDimension().judge(results(**changed)).kind == kind


@pytest.mark.parametrize("chance", CHANCES)
def test_the_count_is_the_chance(chance):
    expected = CHANCES[chance]
    deviation = np.sqrt(expected * (1 - expected) / 3000)
    assert hits(*chance, repeats=3000, seed=3) == pytest.approx(expected, abs=4 * deviation)

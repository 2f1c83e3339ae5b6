"""The lab on standardized inputs sees what does not help."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.standardize import CONTROL, Standardize, best_of


def results(raw=0.7, standardized=0.95, shifted=0.2, control=0.95, spread=0.01):
    """Three seeds, the second rate the best."""
    means = {"raw": raw, "0 to 1": 0.9, "standardized": standardized, "shifted": shifted, CONTROL: control}
    noise = spread * np.array([-1.0, 0.0, 1.0])
    return {
        form: {"rates": [0.1, 0.2], "accuracy": [[0.05] * 3, (mean + (noise if form == "raw" else 0 * noise)).tolist()]}
        for form, mean in means.items()
    }


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"raw": 0.94}, NOT_REPRODUCED),
        ({"shifted": 0.94}, NOT_REPRODUCED),
        ({"standardized": 0.1, "control": 0.1}, NOT_REPRODUCED),  # reversed
        ({"spread": 0.4}, NOT_REPRODUCED),  # too unsure
        ({"control": 0.5}, NOT_REPRODUCED),  # any change does that
        ({"raw": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert Standardize().judge(results(**changed)).kind == verdict


def test_the_best_rate_is_that_of_the_best_mean():
    np.testing.assert_array_equal(best_of([[0.9, 0.1], [0.6, 0.7]]), [0.6, 0.7])

"""The lab on deep ReLU networks sees what trains and what stalls."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.deep_relu import RATES, DeepRelu

NONE = np.full((len(RATES), 3), 0.1)


def results(he=0.5, xavier=0.1, shallow=0.95, spread=0.01):
    """Three seeds; He's network trains at the middle rate only."""
    of_he = NONE.copy()
    of_he[1] = he + spread * np.array([-1, 0, 1])
    of_xavier = NONE.copy()
    of_xavier[2, 0] = xavier
    found = {"deep he": of_he, "deep xavier": of_xavier, "shallow xavier": NONE[:1] - 0.1 + shallow}
    return {key: {"accuracy": values.tolist(), "chance": 0.1} for key, values in found.items()}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"he": 0.1}, NOT_REPRODUCED),  # no effect
        ({"he": 0.1, "xavier": 0.5}, NOT_REPRODUCED),  # reversed
        ({"xavier": 0.3}, NOT_REPRODUCED),  # one seed at one rate trains
        ({"he": 0.3, "spread": 0.3}, NOT_REPRODUCED),  # too unsure
        ({"shallow": 0.1}, NOT_REPRODUCED),  # Xavier's never trains here
        ({"he": float("nan")}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert DeepRelu().judge(results(**changed)).kind == verdict

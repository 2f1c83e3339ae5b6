"""The lab on symmetry sees units that differ, and a network that does not mind."""

import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.symmetry import Symmetry


def results(zeros=0.0, constant=0.0, drawn=0.5, accuracy=(0.3, 0.32), best=(0.9, 0.91)):
    """Two seeds."""
    return {
        "zeros": {"difference": [zeros, 0.0], "accuracy": [0.1, 0.1]},
        "constant": {"difference": [0.0, constant], "accuracy": accuracy},
        "drawn": {"difference": [drawn, 0.7], "accuracy": best},
    }


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"zeros": 1e-9}, NOT_REPRODUCED),
        ({"constant": 1e-9}, NOT_REPRODUCED),
        ({"constant": float("nan")}, NOT_REPRODUCED),
        ({"accuracy": (0.9, 0.91)}, NOT_REPRODUCED),  # as good as drawn
        ({"accuracy": (0.1, 0.89)}, NOT_REPRODUCED),  # too unsure
        ({"drawn": 0.0}, NOT_REPRODUCED),  # the control is as symmetric
    ],
)
def test_the_verdict(changed, verdict):
    assert Symmetry().judge(results(**changed)).kind == verdict

"""A verdict needs every quantity and the control."""

import pytest

from tf_tricks.labs.bench.quantity import at_least, reported
from tf_tricks.labs.bench.verdict import CONDITIONAL, NOT_REPRODUCED, REPRODUCED, decide

GOOD, BAD = at_least(1.0, 0.0), at_least(0.0, 1.0)


@pytest.mark.parametrize(
    ("quantities", "control_holds", "only", "verdict"),
    [
        ([GOOD, GOOD], True, "", REPRODUCED),
        ([GOOD, GOOD], True, "at home", f"{CONDITIONAL}: at home"),
        ([GOOD, BAD], True, "", NOT_REPRODUCED),
        ([GOOD, BAD], True, "at home", NOT_REPRODUCED),
        ([GOOD, GOOD], False, "", NOT_REPRODUCED),
        ([GOOD, GOOD], False, "at home", NOT_REPRODUCED),
    ],
)
def test_the_rule(quantities, control_holds, only, verdict):
    named = {str(i): quantity for i, quantity in enumerate(quantities)}
    assert decide("It is so.", named, "Else not.", control_holds, only).verdict == verdict


def test_what_is_only_reported_decides_nothing():
    assert decide("So.", {"a": GOOD}, "Not.", True, also={"b": reported(3.0)}).verdict == REPRODUCED
    with pytest.raises(ValueError, match="no quantity has a threshold"):
        decide("So.", {"b": reported(3.0)}, "Not.", True)


def test_a_control_that_fails_is_said():
    assert decide("So.", {"a": GOOD}, "Not.", False).sentence.endswith("so that this shows nothing.")

"""The lab on 4/(n_in + n_out) sees the funnel, and cannot be persuaded otherwise."""

import pytest

from tf_tricks.labs.bench.verdict import CONDITIONAL, NOT_REPRODUCED
from tf_tricks.labs.relu_funnel import ReluFunnel, signals


def results(funnel, equal):
    """Two seeds whose last layers have these ratios."""
    of_ratio = {"funnel average": funnel, "equal average": equal, "funnel he": 1.0, "equal he": 1.0}
    return {key: [[1.0, value], [1.0, value]] for key, value in of_ratio.items()}


@pytest.mark.parametrize(
    ("funnel", "equal", "kind"),
    [
        (0.64**15, 1.0, CONDITIONAL),
        (1.0, 1.0, NOT_REPRODUCED),  # no effect
        (1 / 0.64**15, 1.0, NOT_REPRODUCED),  # reversed
        (0.64**15 * 1.002, 1.0, NOT_REPRODUCED),  # another factor
        (0.64**15, 0.64**15, NOT_REPRODUCED),  # the control shows it too
    ],
)
def test_the_verdict(funnel, equal, kind):
    assert ReluFunnel().judge(results(funnel, equal)).kind == kind


def test_a_layer_of_equal_width_doubles_nothing():
    he, average = (signals((50, 50), scheme, 0, 16) for scheme in ("he", "average"))
    assert average == pytest.approx(he, rel=1e-5)  # 4/(n + n) is 2/n

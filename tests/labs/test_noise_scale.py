"""The lab on the noise scale sees the −1 of N/b − 1, and cannot be persuaded otherwise."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.noise_scale import BATCHES, EXAMPLES, REPLACED, NoiseScale, share, spread

ONES = [0.99, 1.0, 1.01]


def results(change):
    """Three seeds as the formulas say, but for what is changed."""
    found = {f"batch {size}": np.multiply(ONES, share(size)) for size in BATCHES}
    found |= {f"replaced {size}": np.array(ONES) for size in REPLACED}
    found |= {"momentum": np.multiply(ONES, share(256)), "epochs": np.array([0.23] * 3)}
    return found | change


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, REPRODUCED),
        ({f"batch {size}": ONES for size in BATCHES}, NOT_REPRODUCED),  # the slide's ηN/b
        ({"batch 512": [0.43, 0.43, 0.43]}, NOT_REPRODUCED),  # another factor
        ({"batch 512": [0.2, 0.5, 0.8]}, NOT_REPRODUCED),  # nothing known
        ({"batch 256": [np.nan] * 3}, NOT_REPRODUCED),
        ({"momentum": np.multiply(ONES, 10 * share(256))}, NOT_REPRODUCED),  # without its 1/(1 − m)
        ({f"batch {EXAMPLES}": [0.0, 0.0, 1e-3]}, NOT_REPRODUCED),  # noise is left
        ({f"batch {EXAMPLES}": [np.nan] * 3}, NOT_REPRODUCED),
        ({f"replaced {EXAMPLES}": [0.0] * 3}, NOT_REPRODUCED),  # the control becomes deterministic, too
    ],
)
def test_the_verdict(change, verdict):
    assert NoiseScale().judge(results(change)).verdict == verdict


@pytest.mark.parametrize(("rate", "momentum"), [(0.5, 0.0), (0.2, 0.5)])
def test_independent_noise_has_the_spread_of_the_formula(rate, momentum):
    noise = np.random.default_rng(0).normal(size=(150, 3000))
    assert spread(list(noise), 4, 2.0, rate, momentum) == pytest.approx(1.0, abs=0.03)  # σ²/b = 1

"""The lab on too large weights sees runs that fail, and runs that do not."""

import numpy as np
import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.too_big import SCALES, TooBig, network


def results(**accuracies):
    """Two runs at each scale, with these accuracies at some."""
    accuracy = {"x1": 0.9, "x2": 0.1, "x4": None, "x8": None} | accuracies
    ends = {scale: {"accuracy": accuracy[f"x{scale}"], "losses": [2.0], "chance": 0.1} for scale in SCALES}
    return {str(scale): [ends[scale], ends[scale]] for scale in SCALES}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"x4": 0.12}, REPRODUCED),  # no NaN, and nothing learned
        ({"x4": 0.5}, NOT_REPRODUCED),
        ({"x8": 0.5}, NOT_REPRODUCED),
        ({"x1": None}, NOT_REPRODUCED),  # the control fails as well
        ({"x1": 0.3}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert TooBig().judge(results(**changed)).kind == verdict


def test_the_logits_grow_as_the_scale_to_the_power_of_the_layers():
    import keras

    inputs = np.random.default_rng(0).normal(size=(4, 20)).astype("float32")
    outputs = []
    for scale in (1, 2):
        keras.utils.set_random_seed(0)
        outputs.append(np.asarray(network((20,), 3, scale)(inputs)))
    np.testing.assert_allclose(outputs[1], 2.0**11 * outputs[0], rtol=1e-5)

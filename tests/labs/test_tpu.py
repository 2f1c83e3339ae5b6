"""The lab on TPUs sees a step that does not compile, and a compiler that takes everything."""

import pytest

from tf_tricks.labs.bench.verdict import NOT_REPRODUCED, REPRODUCED
from tf_tricks.labs.tpu import Tpu


def results(passes=True, share=0.1, control="it cannot be compiled"):
    sizes = [{"batch_size": size, "passes": passes, "share of memory": share, "flops": 1e9} for size in (64, 512)]
    return {"step": sizes, "control": control}


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, REPRODUCED),
        ({"passes": False}, NOT_REPRODUCED),
        ({"share": 1.2}, NOT_REPRODUCED),
        ({"control": None}, NOT_REPRODUCED),
    ],
)
def test_the_verdict(changed, verdict):
    assert Tpu().judge(results(**changed)).kind == verdict

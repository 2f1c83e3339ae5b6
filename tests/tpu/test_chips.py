"""The roofline in closed form, and that every chip of the table has figures."""

import pytest

from tf_tricks.tpu.chips import CHIPS, Chip, roofline

CHIP = Chip(flops=100.0, bandwidth=10.0, memory=1, pod=4, example="")


@pytest.mark.parametrize(
    ("flops", "size", "expected"),
    [
        (1000, 10, (10.0, "compute")),
        (10, 1000, (100.0, "memory")),
        (100, 10, (1.0, "compute")),
        (0, 0, (0.0, "compute")),
    ],
)
def test_the_slower_of_the_two_counts(flops, size, expected):
    assert roofline(flops, size, CHIP) == expected


def test_the_published_figures():
    figures = {kind: (chip.flops / 1e12, chip.bandwidth / 1e9, chip.memory / 1e9) for kind, chip in CHIPS.items()}
    assert figures == {"v5e": (197, 819, 16), "v6e": (918, 1640, 32), "v4": (275, 1200, 32), "v5p": (459, 2765, 95)}

"""The roofline in closed form, the chips' published figures, and the names of TPUs."""

import pytest

from tf_tricks.errors import RequestError
from tf_tricks.tpu.chips import CHIPS, Chip, roofline
from tf_tricks.tpu.names import canonical

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
    figures = {kind: (chip.flops / 1e12, chip.bandwidth / 1e9, chip.memory / 2**30) for kind, chip in CHIPS.items()}
    assert figures == {"v5e": (197, 819, 16), "v6e": (918, 1640, 32), "v4": (275, 1200, 32), "v5p": (459, 2765, 95)}


# As Google's pages of v4, v5e, v5p and v6e list them
TYPES = {
    "v5litepod-1": "v5e:1x1",
    "v5litepod-4": "v5e:2x2",
    "v5litepod-8": "v5e:2x4",
    "v5litepod-16": "v5e:4x4",
    "v5litepod-32": "v5e:4x8",
    "v5litepod-64": "v5e:8x8",
    "v5litepod-128": "v5e:8x16",
    "v5litepod-256": "v5e:16x16",
    "v5e-8": "v5e:2x4",
    "v6e-8": "v6e:2x4",
    "v6e-256": "v6e:16x16",
    "v4-8": "v4:2x2x1",
    "v4-16": "v4:2x2x2",
    "v4-32": "v4:2x2x4",
    "v4-64": "v4:2x4x4",
    "v4-128": "v4:4x4x4",
    "v4-256": "v4:4x4x8",
    "v4-4096": "v4:8x16x16",
    "v5p-8": "v5p:2x2x1",
    "v5p-128": "v5p:4x4x4",
    "v5litepod:2x2": "v5e:2x2",
    "v4:2x2": "v4:2x2",
}


@pytest.mark.parametrize("name", TYPES)
def test_types_of_accelerators(name):
    assert canonical(name)[0] == TYPES[name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("v5e:4x4x2", "'v5e:4x4x2': these chips are connected in 2 directions, not 3; for example v5e:2x2"),
        ("v5litepod-6", "'v5litepod-6': after the hyphen stands the number of chips, one of 1, 4, 8, 16, 32, 64, 128"),
        ("v4-4", "'v4-4': after the hyphen stands the number of cores, two for each chip, one of 8, 16, 32"),
        ("v5p-", "'v5p-': after the hyphen"),
        ("v3-8", "there is no TPU topology 'v3-8'"),
    ],
)
def test_names_that_nobody_has(name, message):
    with pytest.raises(RequestError, match=message):
        canonical(name)

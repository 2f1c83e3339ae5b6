"""The rows of highest loss, whatever the batches."""

import numpy as np
import pytest

from tf_tricks.reports.worst import Worst


@pytest.mark.parametrize("sizes", [(), (1,), (30, 31, 90)])
def test_they_are_those_of_all_sorted(sizes):
    losses = np.random.default_rng(0).random(100).round(2)  # some are equal
    worst = Worst(25)
    for rows in np.array_split(np.arange(100), sizes):
        worst.add(losses[rows], example=rows, pair=np.stack([rows, rows], axis=1))
    order = sorted(range(100), key=lambda i: (-losses[i], i))[:25]
    assert worst.rows() == [{"example": i, "pair": [i, i], "loss": losses[i]} for i in order]


def test_fewer_than_are_wanted():
    worst = Worst(25)
    worst.add(np.array([1.0, 2.0]), example=np.arange(2))
    assert [row["example"] for row in worst.rows()] == [1, 0]

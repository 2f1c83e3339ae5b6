"""A bench keeps the pieces of an experiment, and does nothing twice."""

import keras
import numpy as np
import pytest

from tf_tricks.labs.bench.bench import Bench

CALLS = []


def double(value, *others):
    CALLS.append(value)
    return {"twice": 2 * np.float32(value), "drawn": keras.random.uniform((2,)), "others": others}


@pytest.fixture(autouse=True)
def _no_calls():
    CALLS.clear()


def test_a_piece_is_done_once(tmp_path):
    first = Bench(tmp_path, "quick", 2, "digits").piece("double", double, 3)
    again = Bench(tmp_path, "quick", 2, "digits").piece("double", double, 3)
    assert first == again
    assert first["twice"] == 6.0
    assert CALLS == [3]


@pytest.mark.parametrize(
    ("budget", "dataset", "name", "arguments"),
    [
        ("full", "digits", "double", (3,)),
        ("quick", "mnist", "double", (3,)),
        ("quick", "digits", "other", (3,)),
        ("quick", "digits", "double", (4,)),
        ("quick", "digits", "double", (3, 1)),
    ],
)
def test_another_piece_is_another(tmp_path, budget, dataset, name, arguments):
    Bench(tmp_path, "quick", 2, "digits").piece("double", double, 3)
    Bench(tmp_path, budget, 2, dataset).piece(name, double, *arguments)
    assert len(CALLS) == 2


def test_a_piece_is_the_same_whatever_came_before(tmp_path):
    alone = Bench(tmp_path / "alone", "quick", 2).piece("b", double, 1)
    bench = Bench(tmp_path / "after", "quick", 2)
    bench.piece("a", double, 1)
    assert bench.piece("b", double, 1) == alone


def test_a_piece_that_fails_leaves_the_others(tmp_path):
    def fail():
        raise ZeroDivisionError

    bench = Bench(tmp_path, "quick", 2)
    bench.piece("double", double, 3)
    with pytest.raises(ZeroDivisionError):
        bench.piece("fail", fail)
    told = []
    Bench(tmp_path, "quick", 2, tell=told.append).piece("double", double, 3)
    assert (CALLS, told) == ([3], ["double"])


def test_what_json_cannot_hold_is_refused(tmp_path):
    with pytest.raises(TypeError, match="a lab's results must be numbers, texts, lists and dicts, not object"):
        Bench(tmp_path, "quick", 2).piece("object", lambda: object())

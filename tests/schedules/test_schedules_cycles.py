import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_tricks import schedules
from tf_tricks.errors import RequestError


def one_cycle_of_pytorch(step, steps, maximum, share=0.3, div_factor=25.0, final_div_factor=1e4):
    """OneCycleLR from its source: the first phase ends at step share·steps − 1, the second at steps − 1."""
    initial = maximum / div_factor
    first, last = share * steps - 1, steps - 1
    if step <= first:
        start, end, position = initial, maximum, step / first
    else:
        start, end, position = maximum, initial / final_div_factor, (step - first) / (last - first)
    return end + (start - end) / 2 * (1 + math.cos(math.pi * position))


@pytest.mark.parametrize("step", [0, 1, 5000, 14999, 15000, 29999, 30000, 40000, 80000, 99999])
@pytest.mark.parametrize("share", [0.15, 0.3])
def test_one_cycle_is_that_of_pytorch_when_steps_are_short(step, share):
    rate = schedules.one_cycle(0.5, total_epochs=10, warm_up_share=share)
    expected = one_cycle_of_pytorch(step, 100_000, 0.5, share)
    assert rate(10 * step / 99_999) == pytest.approx(expected, abs=2e-5)


def test_one_cycle_begins_peaks_and_ends_where_it_should():
    rate = schedules.one_cycle(1.0, total_epochs=20, warm_up_share=0.25, div_factor=10, final_div_factor=100)
    assert [rate(epoch) for epoch in (0.0, 5.0, 20.0, 25.0)] == pytest.approx([0.1, 1.0, 0.001, 0.001], rel=1e-12)


@given(epoch=st.floats(0, 100), share=st.floats(0.01, 0.99), div=st.floats(1, 100), final_div=st.floats(1, 1e6))
def test_one_cycle_stays_between_its_end_and_its_maximum(epoch, share, div, final_div):
    value = schedules.one_cycle(2.0, 50, share, div, final_div)(epoch)
    assert 2.0 / div / final_div * (1 - 1e-9) <= value <= 2.0 * (1 + 1e-12)


@given(epoch=st.floats(0, 40))
def test_warm_up_stable_decay_is_the_least_of_its_three_lines(epoch):
    rate = schedules.warm_up_stable_decay(0.5, total_epochs=30, warm_up_epochs=4, decay_epochs=8)
    assert rate(epoch) == pytest.approx(0.5 * max(0.0, min(1.0, epoch / 4, (30 - epoch) / 8)), abs=1e-12)


def test_warm_up_stable_decay_without_rise_and_fall_is_constant():
    rate = schedules.warm_up_stable_decay(0.5, total_epochs=30, warm_up_epochs=0, decay_epochs=0)
    assert [rate(epoch) for epoch in (0.0, 15.0, 30.0)] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("one_cycle", {"maximum": 0, "total_epochs": 9}, "maximum must be a number above 0, not 0"),
        ("one_cycle", {"maximum": 1, "total_epochs": 0}, "total_epochs must be a number above 0, not 0"),
        ("one_cycle", {"maximum": 1, "total_epochs": 9, "warm_up_share": 0}, "warm_up_share must be a number above 0"),
        ("one_cycle", {"maximum": 1, "total_epochs": 9, "warm_up_share": 1}, "warm_up_share must be below 1, not 1"),
        ("one_cycle", {"maximum": 1, "total_epochs": 9, "div_factor": 0.5}, "div_factor must be a number at least 1"),
        ("one_cycle", {"maximum": 1, "total_epochs": 9, "final_div_factor": 0}, "final_div_factor must be a number at"),
        (
            "warm_up_stable_decay",
            {"initial": 0, "total_epochs": 9, "warm_up_epochs": 1, "decay_epochs": 1},
            "initial must be a number above 0, not 0",
        ),
        (
            "warm_up_stable_decay",
            {"initial": 1, "total_epochs": 9, "warm_up_epochs": -1, "decay_epochs": 1},
            "warm_up_epochs must be a number at least 0, not -1",
        ),
        (
            "warm_up_stable_decay",
            {"initial": 1, "total_epochs": 9, "warm_up_epochs": 5, "decay_epochs": 5},
            "warm_up_epochs=5 and decay_epochs=5 do not fit into total_epochs=9",
        ),
    ],
)
def test_a_mistake_gets_a_sentence(name, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        getattr(schedules, name)(**arguments)

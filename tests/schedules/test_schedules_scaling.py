import pytest

from tf_tricks import schedules
from tf_tricks.errors import RequestError


@pytest.mark.parametrize(("size", "expected"), [(64, 0.025), (256, 0.1), (8192, 3.2)])
def test_linear_scaling_is_that_of_goyal_et_al(size, expected):
    assert schedules.linear_scaling(0.1, batch_size=size)(0.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("size", "expected"), [(64, 0.05), (256, 0.1), (1024, 0.2)])
def test_square_root_scaling_takes_the_root(size, expected):
    assert schedules.square_root_scaling(0.1, batch_size=size)(0.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "expected"), [("linear_scaling", 0.2), ("square_root_scaling", 0.1)])
def test_rate_and_batch_are_taken_at_the_same_epoch(name, expected):
    rate = schedules.step_decay(0.1, epochs=(30,), factor=0.5)
    size = schedules.grow(64, epochs=(30,), factor=4)
    scaled = getattr(schedules, name)(rate, size, base_batch_size=64)
    assert [scaled(29.9), scaled(30.0)] == pytest.approx([0.1, expected], rel=1e-12)


@pytest.mark.parametrize("make", [schedules.linear_scaling, schedules.square_root_scaling])
def test_the_base_is_the_batch_at_which_nothing_changes(make):
    assert make(0.1, batch_size=100, base_batch_size=100)(0.0) == 0.1


@pytest.mark.parametrize("make", [schedules.linear_scaling, schedules.square_root_scaling])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be a number at least 1, not 0"),
        ({"batch_size": -1}, "batch_size must be a number at least 0, not -1"),
        ({"batch_size": None}, "a schedule must be a number"),
        ({"batch_size": 64, "base_batch_size": 0}, "base_batch_size must be a number at least 1, not 0"),
    ],
)
def test_a_mistake_gets_a_sentence(make, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        make(0.1, **arguments)

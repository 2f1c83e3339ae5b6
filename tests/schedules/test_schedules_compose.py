import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_tricks import schedules
from tf_tricks.errors import RequestError

INNER = [
    schedules.constant(0.3),
    schedules.step_decay(0.3, epochs=(2, 30), factor=0.1),
    schedules.cosine_decay(0.3, total_epochs=60),
    schedules.one_cycle(0.3, total_epochs=60),
]


@pytest.mark.parametrize(("epoch", "expected"), [(0, 0.1), (2.5, 0.25), (5, 0.4), (50, 0.4)])
def test_warm_up_is_a_linear_ramp(epoch, expected):
    assert schedules.warm_up(0.4, epochs=5, start=0.25)(epoch) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("inner", INNER, ids=lambda s: s.name)
@given(epoch=st.floats(0, 100), epochs=st.just(0) | st.floats(0.001, 20), start=st.floats(0, 1))
def test_warm_up_multiplies_the_schedule_at_the_same_epoch(inner, epoch, epochs, start):
    ramp = min(1.0, start + (1 - start) * epoch / epochs) if epochs else 1.0
    value = schedules.warm_up(inner, epochs, start)(epoch)
    assert value == pytest.approx(inner(epoch) * ramp, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("inner", INNER, ids=lambda s: s.name)
@given(epoch=st.floats(0, 100), epochs=st.floats(0, 20), start=st.floats(0, 1))
def test_warm_up_is_never_above_the_schedule(inner, epoch, epochs, start):
    assert 0 <= schedules.warm_up(inner, epochs, start)(epoch) <= inner(epoch)


@pytest.mark.parametrize("inner", INNER, ids=lambda s: s.name)
def test_warm_up_leaves_later_epochs_untouched(inner):
    assert [schedules.warm_up(inner, 5)(epoch) for epoch in (5.0, 30.0, 60.0)] == [inner(e) for e in (5.0, 30.0, 60.0)]


@given(
    quarters=st.lists(st.integers(1, 400), min_size=1, max_size=5, unique=True).map(sorted),
    epoch=st.floats(0, 120),
)
def test_concatenate_gives_each_piece_its_own_clock(quarters, epoch):
    boundaries = [quarter / 4 for quarter in quarters]
    clocks = [lambda own, i=i: 1000 * i + own for i in range(len(boundaries) + 1)]
    starts = [0.0, *boundaries]
    piece = max(i for i, start in enumerate(starts) if start <= epoch)
    assert schedules.concatenate(clocks, boundaries)(epoch) == 1000 * piece + (epoch - starts[piece])


@given(boundaries=st.lists(st.floats(0.1, 100), min_size=1, max_size=5, unique=True).map(sorted))
def test_concatenate_takes_the_new_piece_at_the_boundary(boundaries):
    rate = schedules.concatenate(list(range(len(boundaries) + 1)), boundaries)
    assert [rate(boundary) for boundary in boundaries] == list(range(1, len(boundaries) + 1))


def test_concatenate_of_one_piece_is_the_piece():
    assert schedules.concatenate([INNER[1]], epochs=[])(2.0) == INNER[1](2.0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: schedules.warm_up(0.1, epochs=-1), "epochs must be a number at least 0, not -1"),
        (lambda: schedules.warm_up(0.1, epochs=[5]), r"epochs must be a number at least 0, not \[5\]"),
        (lambda: schedules.warm_up(0.1, 5, start=2), "start must be a number at least 0 and at most 1, not 2"),
        (lambda: schedules.warm_up("fast", 5), "there is no schedule 'fast'"),
        (lambda: schedules.concatenate([0.1, 0.2], []), "2 schedules need 1 boundaries between them"),
        (lambda: schedules.concatenate([], []), "0 schedules need 0 boundaries"),
        (lambda: schedules.concatenate([1, 2, 3], [5, 2]), r"epochs must increase from each to the next, not \[5, 2\]"),
        (lambda: schedules.concatenate([1, 2], 5), "epochs must be a list of increasing numbers"),
        (lambda: schedules.concatenate([1, None], [5]), "a schedule must be a number"),
    ],
)
def test_a_mistake_gets_a_sentence(make, sentence):
    with pytest.raises(RequestError, match=sentence):
        make()

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_tricks import schedules
from tf_tricks.errors import RequestError


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 128), (59.9, 128), (60, 640), (119.9, 640), (120, 3200), (160, 5120), (200, 5120)]
)
def test_grow_is_that_of_smith_et_al(epoch, expected):
    assert schedules.grow(128, epochs=(60, 120, 160), factor=5, maximum=5120)(epoch) == expected


def test_grow_without_maximum_goes_on():
    assert schedules.grow(128, epochs=(60, 120, 160), factor=5)(160.0) == 16000


def test_grow_rounds_to_whole_numbers():
    size = schedules.grow(10, epochs=(1, 2), factor=1.25)
    assert [(size(e), type(size(e))) for e in (0.0, 1.0, 2.0)] == [(10, int), (12, int), (16, int)]


@given(
    initial=st.integers(1, 512),
    factor=st.floats(1, 10),
    epochs=st.lists(st.floats(0, 100), max_size=5, unique=True).map(sorted),
    more=st.integers(0, 5000),
    pair=st.tuples(st.floats(0, 120), st.floats(0, 120)).map(sorted),
)
def test_grow_never_shrinks_and_never_exceeds_its_maximum(initial, factor, epochs, more, pair):
    size = schedules.grow(initial, epochs, factor, maximum=initial + more)
    assert initial <= size(pair[0]) <= size(pair[1]) <= initial + more


def test_per_replica_follows_a_schedule():
    size = schedules.per_replica(schedules.grow(32, epochs=(5,), factor=2), num_replicas=8)
    assert [size(epoch) for epoch in (0.0, 5.0)] == [256, 512]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: schedules.grow(0, [5], 2), "initial must be an integer at least 1, not 0"),
        (lambda: schedules.grow(12.5, [5], 2), "initial must be an integer at least 1, not 12.5"),
        (lambda: schedules.grow(8, [5, 5], 2), "epochs must increase"),
        (lambda: schedules.grow(8, [5], 0.5), "factor must be a number at least 1, not 0.5"),
        (lambda: schedules.grow(8, [5], 2, maximum=4), "maximum must be an integer at least 8, not 4"),
        (lambda: schedules.grow(10, (1,), 1e308), "a batch of more than 2147483647 examples"),
        (lambda: schedules.grow(10, list(range(1, 400)), 10.0), "a batch of more than 2147483647 examples"),
        (lambda: schedules.per_replica(0, 8), "batch_size must be an integer at least 1, not 0"),
        (lambda: schedules.per_replica(2.5, 8), "batch_size must be an integer at least 1, not 2.5"),
        (lambda: schedules.per_replica(64, 0), "num_replicas must be an integer at least 1, not 0"),
        (lambda: schedules.per_replica(64, 1.5), "num_replicas must be an integer at least 1, not 1.5"),
    ],
)
def test_a_mistake_gets_a_sentence(make, sentence):
    with pytest.raises(RequestError, match=sentence):
        make()


def test_a_maximum_holds_however_far_the_growth_would_go():
    assert schedules.grow(10, (1, 2), 1e308, maximum=64)(2.0) == 64

"""The search for the largest batch, on memories of which the answer is known."""

import itertools

import pytest

from tf_tricks.tpu.largest import candidates, largest_batch

LIMIT = 16_000


def measured(memory, asked):
    def measure(batch):
        asked.append(batch)
        return memory(batch) if memory(batch) <= LIMIT else None

    return measure


@pytest.mark.parametrize("unit", [1, 4, 24])
def test_the_candidates_hold_the_powers_of_two(unit):
    assert {unit * 2**k for k in range(12)} <= set(candidates(unit * 2**12, unit))


@pytest.mark.parametrize("unit", [1, 4, 24])
def test_the_candidates_are_a_sixteenth_apart(unit):
    batches = candidates(unit * 2**12, unit)
    assert all(batch % unit == 0 for batch in batches)
    assert all(after - before <= max(unit, before / 16) for before, after in itertools.pairwise(batches))


@pytest.mark.parametrize("start", [1, 64, 4096, 10**6])
@pytest.mark.parametrize(
    "memory",
    [
        lambda batch: 100 + 7.3 * batch,
        lambda batch: 100 + 20 * batch**0.9,
        lambda batch: 100 + 2 * batch**1.1,
        lambda batch: 12_000 + 900 * batch,
    ],
    ids=["linear", "below", "above", "few"],
)
def test_the_largest_is_found(memory, start):
    batches = candidates(2**20)
    expected = max(batch for batch in batches if memory(batch) <= LIMIT)
    assert largest_batch(measured(memory, []), LIMIT, batches, start) == expected


@pytest.mark.parametrize("growth", [0.1, 1.0, 7.3, 55.0])
def test_four_measurements_are_enough_where_memory_is_linear(growth):
    asked = []
    largest_batch(measured(lambda batch: 300 + growth * batch, asked), LIMIT, candidates(2**20), start=32)
    assert len(asked) == 4


def test_the_largest_and_the_next_are_both_measured():
    asked, batches = [], candidates(2**20)
    largest = largest_batch(measured(lambda batch: 300 + 7.3 * batch, asked), LIMIT, batches, start=32)
    assert {largest, batches[batches.index(largest) + 1]} <= set(asked)


def test_all_fit():
    assert largest_batch(measured(lambda batch: 5, []), LIMIT, candidates(1000), 32) == candidates(1000)[-1]


def test_none_fits():
    assert largest_batch(measured(lambda batch: LIMIT + batch, []), LIMIT, candidates(1000), 32) is None


def test_only_the_smallest_fits():
    batches = candidates(1000)
    assert largest_batch(measured(lambda batch: LIMIT * batch, []), LIMIT, batches, 32) == batches[0]


def test_where_memory_does_not_grow_the_batch_is_doubled():
    asked = []
    largest_batch(measured(lambda batch: 5, asked), LIMIT, list(range(1, 200)), start=8)
    assert asked == [8, 16, 32, 64, 128, 199]

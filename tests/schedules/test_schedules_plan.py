import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks import schedules
from tf_tricks.errors import RequestError
from tf_tricks.schedules import plan

BOUNDARIES = (60, 120, 160)


@pytest.mark.parametrize(
    ("batch_size", "updates"),
    [
        (128, 78_125),
        (schedules.grow(128, BOUNDARIES, 5, maximum=5120), 29_141),
        (schedules.grow(640, BOUNDARIES, 5, maximum=5120), 6_406),
        (schedules.grow(3200, BOUNDARIES, 5, maximum=5120), 2_305),
    ],
    ids=["decay", "growth", "growth_from_640", "growth_from_3200"],
)
def test_updates_of_smith_et_al_on_cifar10(batch_size, updates):
    assert plan.count_updates(50_000, 200, batch_size) == updates


def test_the_first_steps_of_a_run():
    rate = schedules.step_decay(0.1, epochs=(1,), factor=0.5)
    assert list(plan.steps(10, total_epochs=1.5, learning_rate=rate, batch_size=4)) == [
        plan.Step(0, 4, 0.1, 0.2),
        plan.Step(4, 4, 0.1, 0.6),
        plan.Step(8, 4, 0.05, 1.0),
        plan.Step(12, 4, 0.05, 1.4),
    ]


@pytest.mark.parametrize(("total_epochs", "updates"), [(0, 0), (0.19, 0), (0.2, 1), (0.21, 1), (0.6, 2)])
def test_a_step_whose_middle_is_the_end_still_runs(total_epochs, updates):
    assert plan.count_updates(10, total_epochs, batch_size=4) == updates


def test_a_batch_size_that_is_no_whole_number_is_cut():
    assert plan.next_step(0, 100, 1, 0.1, lambda epoch: 12.9).batch_size == 12


def test_next_step_is_none_at_the_end():
    assert plan.next_step(100, 100, 1, 0.1, 10) is None


def test_steps_go_on_from_anywhere():
    run = (1000, 3, schedules.cosine_decay(0.1, 3), schedules.grow(30, (1, 2), 2))
    whole = list(plan.steps(*run))
    assert list(plan.steps(*run, examples_seen=whole[20].examples_seen)) == whole[20:]


@given(
    num_examples=st.integers(50, 5000),
    initial=st.integers(1, 50),
    factor=st.sampled_from([1.5, 2, 5, 10]),
    boundaries=st.lists(st.floats(0.01, 4), min_size=1, max_size=3, unique=True).map(sorted),
)
@settings(max_examples=50)
def test_batch_and_rate_switch_on_the_same_step(num_examples, initial, factor, boundaries):
    stages = schedules.step_decay(1.0, boundaries, 0.5)
    sizes = schedules.grow(10 * initial, boundaries, factor)
    of_stage = {sizes(epoch): stages(epoch) for epoch in [0.0, *boundaries]}
    for step in plan.steps(num_examples, 4, stages, sizes):
        assert of_stage[step.batch_size] == step.learning_rate


@given(
    num_examples=st.integers(50, 5000),
    initial=st.integers(1, 50),
    total_epochs=st.floats(0.1, 3),
    boundary=st.floats(0.1, 3),
)
@settings(max_examples=50)
def test_steps_follow_one_another_without_gaps_until_the_end(num_examples, initial, total_epochs, boundary):
    seen = 0
    batch_size = schedules.grow(initial, [boundary], 3)
    for step in plan.steps(num_examples, total_epochs, 0.1, batch_size):
        assert step.examples_seen == seen
        assert step.epoch == (seen + step.batch_size / 2) / num_examples
        seen += step.batch_size
    assert abs(seen / num_examples - total_epochs) <= batch_size(math.inf) / num_examples


@given(total_epochs=st.floats(0.1, 5), initial=st.integers(1, 20))
def test_count_updates_counts_the_steps(total_epochs, initial):
    size = schedules.grow(initial, (1, 2), 2)
    assert plan.count_updates(100, total_epochs, size) == len(list(plan.steps(100, total_epochs, 0.1, size)))


@pytest.mark.parametrize(
    "way",
    [
        {"by": "decay", "batch_size": 10},
        {"by": "growth", "learning_rate": 0.1},
        {"by": "growth_then_decay", "learning_rate": 0.1, "maximum": 200},
    ],
    ids=lambda way: way["by"],
)
def test_every_step_of_the_twins_has_a_noise_scale_that_was_asked_for(way):
    scale = schedules.step_decay(30.0, epochs=(1, 2, 3), factor=0.25)
    rate, size = schedules.get_noise_scale({"scale": scale, "num_examples": 3000, **way})
    of_steps = [schedules.noise_scale_of(s.learning_rate, s.batch_size, 3000) for s in plan.steps(3000, 4, rate, size)]
    assert list(dict.fromkeys(round(noise, 9) for noise in of_steps)) == [30.0, 7.5, 1.875, 0.46875]


@pytest.mark.parametrize("bad", [0, 0.5, -1, math.nan, math.inf])
def test_a_batch_without_examples_is_refused(bad):
    with pytest.raises(RequestError, match=r"batch_size must be a number at least 1, not .* at epoch 0"):
        plan.next_step(0, 100, 1, 0.1, lambda epoch: bad)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((0, 1, 10), "num_examples must be an integer at least 1, not 0"),
        ((100, -1, 10), "total_epochs must be a number at least 0, not -1"),
        ((100, 1, "fast"), "there is no schedule 'fast'"),
    ],
)
def test_count_updates_refuses(arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        plan.count_updates(*arguments)

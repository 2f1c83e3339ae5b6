"""A profile of chosen steps lies where TensorBoard looks for it."""

import pytest
import tensorflow as tf

from tf_tricks.errors import RequestError
from tf_tricks.training.profiler import Profiler


def profiles(folder):
    return list(folder.glob("plugins/profile/*"))


def test_the_chosen_steps_leave_a_profile(tmp_path):
    profiler = Profiler((2, 4), tmp_path)
    for step in range(6):
        tf.constant(step) + 1
        profiler.after(step)
    assert len(profiles(tmp_path)) == 1


def test_nothing_before_the_first(tmp_path):
    profiler = Profiler((2, 4), tmp_path)
    profiler.after(1)
    profiler.stop()
    assert profiles(tmp_path) == []


def test_a_run_that_ends_early_writes_what_it_has(tmp_path):
    profiler = Profiler((2, 4), tmp_path)
    profiler.after(2)
    profiler.stop()
    assert len(profiles(tmp_path)) == 1


def test_control_is_wanted_at_both_ends(tmp_path):
    profiler = Profiler((2, 4), tmp_path)
    assert [step for step in range(8) if profiler.wants_control(step)] == [2, 4]


@pytest.mark.parametrize("arguments", [(None, "folder"), ((2, 4), None)])
def test_no_profile_without_steps_or_folder(arguments):
    profiler = Profiler(*arguments)
    for step in range(6):
        profiler.after(step)
    assert not profiler.wants_control(2)


@pytest.mark.parametrize("steps", [(4, 2), (3, 3), (-1, 2), (1, 2, 3)])
def test_steps_out_of_order(steps, tmp_path):
    with pytest.raises(RequestError, match="profile_steps must be"):
        Profiler(steps, tmp_path)

"""The loss scale by itself, and with a gradient that overflows on one of two replicas only."""

import numpy as np
import pytest
import tensorflow as tf
from support import forked, loss_scale_runs

from tf_tricks.engines.loss_scale import LossScale


def after(outcomes, **arguments):
    scale = LossScale(**arguments)
    for finite in outcomes:
        scale.adapt(tf.constant(finite))
    return float(scale.scale)


def test_doubles_after_growth_steps_finite_updates():
    assert [after([True] * n, initial=8.0, growth_steps=3) for n in (2, 3, 5, 6)] == [8.0, 16.0, 16.0, 32.0]


def test_halves_when_not_finite():
    assert after([False, False], initial=8.0) == 2.0


def test_an_overflow_starts_the_count_anew():
    assert after([True, False, True], initial=8.0, growth_steps=2) == 4.0


def test_never_goes_below_one():
    assert after([False] * 3, initial=2.0) == 1.0


def test_scale_and_count_are_kept():
    scale = LossScale()
    assert [v is w for v, w in zip(scale.variables, [scale.scale, scale.finite_steps])] == [True, True]


@pytest.fixture(scope="module")
def overflow():
    """Scale, loss and each replica's weights at the start and after 3 updates, the first of which overflows."""
    return forked.call(loss_scale_runs.overflow)


@pytest.mark.slow
def test_the_loss_is_finite_where_the_gradient_overflows(overflow):
    assert np.isfinite([step["loss"] for step in overflow[1:]]).all()


@pytest.mark.slow
def test_an_overflow_on_one_replica_skips_the_update_on_both(overflow):
    assert overflow[1]["weights"] == overflow[0]["weights"]


@pytest.mark.slow
def test_scale_halves_and_grows_again(overflow):
    assert [step["scale"] for step in overflow] == [1024.0, 512.0, 512.0, 1024.0]


@pytest.mark.slow
def test_the_next_finite_step_updates(overflow):
    assert overflow[2]["weights"] != overflow[1]["weights"]


@pytest.mark.slow
def test_weights_stay_finite_and_equal_on_both_replicas(overflow):
    for step in overflow:
        for one, other in step["weights"]:
            assert np.isfinite(one).all()
            assert one == other


@pytest.mark.slow
def test_two_replicas_draw_independent_dropout_masks():
    one, other = np.array(forked.call(loss_scale_runs.masks))
    assert one.shape == (4, 1000)
    # Five standard deviations of 4,000 draws, of which half should agree.
    assert abs(np.mean(one == other) - 0.5) < 5 * np.sqrt(0.25 / one.size)

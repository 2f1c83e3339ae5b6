"""The given learning rate against what is known of it: the stable rates of a quadratic, and nets that train at one."""

import keras
import numpy as np
import pytest
from support.patients import assert_left_as_found, iris, mlp, names, patient, silent

import tf_tricks as tt
from tf_tricks.doctor import learning_rate
from tf_tricks.doctor.short_runs import ShortRuns, level, tail


def linear(rate, epochs=20, **trainer):
    """Regression whose loss is a quadratic of curvature 2 in each direction: it is stable below a rate of 1."""
    rng = np.random.default_rng(0)
    x = np.linalg.qr(rng.normal(size=(64, 4)))[0].astype("float32") * 8.0
    y = (x @ np.array([[1.0], [-2.0], [0.5], [1.5]])).astype("float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    given = {"optimizer": "sgd", "batch_size": 64, "loss": "mean_squared_error"} | trainer
    return patient(model, (x, y), epochs=epochs, learning_rate=rate, **given)


def of_iris(rate, epochs=40, **trainer):
    given = {"optimizer": "momentum", "batch_size": 16} | trainer
    return patient(mlp((4,), 3, (16,)), iris(), epochs=epochs, learning_rate=rate, **given)


@pytest.mark.parametrize("rate", [1.1, 10.0, 1e4])
def test_a_rate_beyond_the_stable_ones_is_too_high(rate):
    (finding,) = assert_left_as_found(learning_rate.check, linear(rate)).findings
    assert finding.name == "learning_rate_too_high"
    assert finding.confidence >= 0.9


@pytest.mark.parametrize("rate", [0.02, 0.7])
def test_a_stable_rate_with_enough_updates_is_no_finding(rate):
    assert learning_rate.check(linear(rate, epochs=200), silent).findings == []


def test_a_rate_is_too_low_by_the_number_of_updates():
    """(1 − 2η)^2n of the loss is left after n updates at the rate η."""
    short, long = (learning_rate.check(linear(2e-4, epochs=epochs), silent) for epochs in (100, 20_000))
    assert names(short) == ["learning_rate_too_low"]
    assert short.findings[0].confidence >= 0.75
    assert long.findings == []


def test_clipping_makes_a_large_rate_one_that_does_not_learn():
    checked = learning_rate.check(linear(30.0, clip_global_norm=1.0), silent)
    assert names(checked) == ["learning_rate_too_high"]
    assert np.isfinite(checked.measured.levels).all()


@pytest.mark.parametrize("factor", [1 / 3, 1.0, 3.0])
@pytest.mark.parametrize(("optimizer", "rate"), [("momentum", 0.03), ("adam", 5e-3)])
def test_a_factor_of_three_is_no_finding(optimizer, rate, factor):
    checked = learning_rate.check(of_iris(rate * factor, optimizer=optimizer), silent)
    assert checked.findings == []
    assert checked.measured.learns


@pytest.mark.parametrize(
    ("optimizer", "rate", "expected"),
    [
        ("momentum", 10.0, "learning_rate_too_high"),
        ("adam", 3.0, "learning_rate_too_high"),
        ("momentum", 1e-5, "learning_rate_too_low"),
        ("adam", 3e-6, "learning_rate_too_low"),
        ("sgd", 0.0, "learning_rate_too_low"),
    ],
)
def test_rates_that_are_far_off(optimizer, rate, expected):
    checked = assert_left_as_found(learning_rate.check, of_iris(rate, optimizer=optimizer))
    assert names(checked) == [expected]
    assert "config.learning_rate = " in checked.findings[0].change


def test_the_largest_rate_of_a_schedule_is_judged_and_reached_as_the_schedule_reaches_it():
    schedule = tt.schedules.warm_up(tt.schedules.cosine_decay(0.05, total_epochs=40), epochs=4)
    measured = learning_rate.check(of_iris(schedule), silent).measured
    assert measured.given == pytest.approx(0.05, rel=0.05)
    run = learning_rate._Run.of(of_iris(schedule))
    rates = run.rates(2.0, 100)
    assert run.warms_up
    assert rates[0] < 0.1 * rates[-1]
    assert rates[-1] == pytest.approx(2 * measured.given)
    assert not learning_rate._Run.of(of_iris(0.05)).warms_up


def test_a_schedule_of_a_callback_goes_before_the_trainers():
    decay = tt.callbacks.LearningRateFinder(minimum=0.2, maximum=20.0)
    one = patient(mlp((4,), 3), iris(), optimizer="sgd", learning_rate=0.01, callbacks=[decay])
    assert learning_rate._Run.of(one).given == pytest.approx(0.2)


def test_labels_that_cannot_be_learned_say_nothing_of_the_rate():
    x, y = np.random.default_rng(0).normal(size=(2000, 4)).astype("float32"), np.arange(2000) % 3
    one = patient(mlp((4,), 3), (x, y), epochs=5, optimizer="adam", learning_rate=1e-3)
    assert names(learning_rate.check(one, silent)) == []


def test_the_same_patient_gives_the_same_figures():
    first, second = (learning_rate.check(of_iris(0.03), silent).measured for _ in range(2))
    np.testing.assert_allclose(first.levels, second.levels, rtol=1e-3)
    np.testing.assert_array_equal(first.rates, second.rates)


def test_short_runs_are_those_of_keras():
    one = linear(0.1)
    losses = ShortRuns(one).run(np.full(20, 0.1))
    x, y = (array[:] for array in one.batch(64)[:2])
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error", jit_compile=False)
    history = model.fit(x, y, batch_size=64, epochs=20, verbose=0).history["loss"]
    np.testing.assert_allclose(losses, history, rtol=1e-4)


def test_the_end_of_a_run():
    assert tail(np.arange(8.0)).tolist() == [5.0, 6.0, 7.0]
    assert level(np.array([1.0, 2.0, np.inf])) == np.inf

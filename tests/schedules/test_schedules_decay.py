import math

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tf_tricks import schedules
from tf_tricks.errors import RequestError

EPOCHS = np.linspace(0, 12, 49)
UPDATES = 100  # an epoch, for Keras, which counts updates


def in_keras(schedule):
    return np.array([float(schedule(epoch * UPDATES)) for epoch in EPOCHS])


def values(schedule, epochs=EPOCHS):
    return np.array([schedule(epoch) for epoch in epochs])


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 0.4), (29.99, 0.4), (30, 0.2), (59.99, 0.2), (60, 0.1), (1e6, 0.1)]
)
def test_step_decay_takes_the_new_value_at_the_boundary(epoch, expected):
    assert schedules.step_decay(0.4, epochs=(30, 60), factor=0.5)(epoch) == expected


def test_step_decay_without_steps_is_constant():
    assert schedules.step_decay(0.4, epochs=(), factor=0.5)(100.0) == 0.4


def test_step_decay_is_that_of_keras_between_the_boundaries():
    expected = in_keras(keras.optimizers.schedules.PiecewiseConstantDecay([301, 701], [0.4, 0.1, 0.025]))
    np.testing.assert_allclose(values(schedules.step_decay(0.4, epochs=(3.01, 7.01), factor=0.25)), expected, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.3, 0.96, 1.0])
def test_exponential_decay_is_that_of_keras(rate):
    expected = in_keras(keras.optimizers.schedules.ExponentialDecay(0.1, UPDATES, rate))
    np.testing.assert_allclose(values(schedules.exponential_decay(0.1, rate)), expected, rtol=1e-5)


@pytest.mark.parametrize("rate", [0.0, 0.5, 3.0])
def test_inverse_time_decay_is_that_of_keras(rate):
    expected = in_keras(keras.optimizers.schedules.InverseTimeDecay(0.1, UPDATES, rate))
    np.testing.assert_allclose(values(schedules.inverse_time_decay(0.1, rate)), expected, rtol=1e-5)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("final", [0.0, 0.01])
def test_polynomial_decay_is_that_of_keras(power, final):
    expected = in_keras(keras.optimizers.schedules.PolynomialDecay(0.1, 10 * UPDATES, final, power))
    made = schedules.polynomial_decay(0.1, total_epochs=10, power=power, final=final)
    np.testing.assert_allclose(values(made), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("final", [0.0, 0.01])
def test_cosine_decay_is_that_of_keras(final):
    expected = in_keras(keras.optimizers.schedules.CosineDecay(0.1, 10 * UPDATES, alpha=final / 0.1))
    np.testing.assert_allclose(values(schedules.cosine_decay(0.1, 10, final)), expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("m_mul", [1.0, 0.5])
@pytest.mark.parametrize("final", [0.0, 0.01])
def test_cosine_restarts_are_those_of_keras_between_the_restarts(t_mul, m_mul, final):
    theirs = keras.optimizers.schedules.CosineDecayRestarts(0.1, 2 * UPDATES, t_mul, m_mul, alpha=final / 0.1)
    epochs = EPOCHS + 0.01  # at a restart float32 falls to the one side or the other
    expected = [float(theirs(epoch * UPDATES)) for epoch in epochs]
    made = schedules.cosine_restarts(0.1, first_epochs=2, t_mul=t_mul, m_mul=m_mul, final=final)
    np.testing.assert_allclose(values(made, epochs), expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("t_mul", "restarts"), [(1, (10, 20, 30)), (2, (10, 30, 70)), (3, (10, 40, 130))])
def test_cosine_restarts_start_again_at_the_boundary_itself(t_mul, restarts):
    rate = schedules.cosine_restarts(0.1, first_epochs=10, t_mul=t_mul, m_mul=0.5)
    assert [rate(float(epoch)) for epoch in restarts] == [0.05, 0.025, 0.0125]


@pytest.mark.parametrize("name", ["polynomial_decay", "cosine_decay"])
@given(epoch=st.floats(0, 1e6), total=st.floats(0.1, 1e3), initial=st.floats(1e-6, 1e3), final=st.floats(0, 1e3))
def test_values_lie_between_initial_and_final(name, epoch, total, initial, final):
    value = getattr(schedules, name)(initial, total_epochs=total, final=final)(epoch)
    assert min(initial, final) * (1 - 1e-12) <= value <= max(initial, final) * (1 + 1e-12)


@given(epoch=st.floats(0, 1e4), first=st.floats(0.1, 100), t_mul=st.floats(1, 3), m_mul=st.floats(0.1, 1))
def test_cosine_restarts_lie_between_final_and_initial(epoch, first, t_mul, m_mul):
    value = schedules.cosine_restarts(0.1, first, t_mul, m_mul, final=0.01)(epoch)
    assert 0.01 * (1 - 1e-12) <= value <= 0.1 * (1 + 1e-12)


@pytest.mark.parametrize("bad", [0, -0.1, math.nan, math.inf, "0.1", None, True])
@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("step_decay", {"epochs": [30], "factor": 0.1}),
        ("exponential_decay", {"decay_rate": 0.9}),
        ("inverse_time_decay", {"decay_rate": 0.9}),
        ("polynomial_decay", {"total_epochs": 90}),
        ("cosine_decay", {"total_epochs": 90}),
        ("cosine_restarts", {"first_epochs": 10}),
    ],
)
def test_initial_must_be_above_zero(name, rest, bad):
    with pytest.raises(RequestError, match="initial must be"):
        getattr(schedules, name)(bad, **rest)


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("step_decay", {"epochs": 30, "factor": 0.1}, "epochs must be a list of increasing numbers, .* not 30"),
        ("step_decay", {"epochs": "30", "factor": 0.1}, "epochs must be a list"),
        ("step_decay", {"epochs": [60, 30], "factor": 0.1}, r"epochs must increase .* not \[60, 30\]"),
        ("step_decay", {"epochs": [30, 30], "factor": 0.1}, "epochs must increase"),
        ("step_decay", {"epochs": [-1], "factor": 0.1}, "each of epochs must be a number at least 0, not -1"),
        ("step_decay", {"epochs": ["30"], "factor": 0.1}, "each of epochs must be a number"),
        ("step_decay", {"epochs": [math.inf], "factor": 0.1}, "epochs must be finite"),
        ("step_decay", {"epochs": [30], "factor": 0}, "factor must be a number above 0, not 0"),
        ("exponential_decay", {"decay_rate": 0}, "decay_rate must be a number above 0 and at most 1, not 0"),
        ("exponential_decay", {"decay_rate": 1.1}, "decay_rate must be a number above 0 and at most 1, not 1.1"),
        ("inverse_time_decay", {"decay_rate": -1}, "decay_rate must be a number at least 0, not -1"),
        ("polynomial_decay", {"total_epochs": 0}, "total_epochs must be a number above 0, not 0"),
        ("polynomial_decay", {"total_epochs": 9, "power": 0}, "power must be a number above 0, not 0"),
        ("polynomial_decay", {"total_epochs": 9, "final": -1}, "final must be a number at least 0, not -1"),
        ("cosine_decay", {"total_epochs": -1}, "total_epochs must be a number above 0, not -1"),
        ("cosine_decay", {"total_epochs": 9, "final": -1}, "final must be a number at least 0, not -1"),
        ("cosine_restarts", {"first_epochs": 0}, "first_epochs must be a number above 0, not 0"),
        ("cosine_restarts", {"first_epochs": 9, "t_mul": 0.5}, "t_mul must be a number at least 1, not 0.5"),
        ("cosine_restarts", {"first_epochs": 9, "m_mul": 0}, "m_mul must be a number above 0 and at most 1, not 0"),
        ("cosine_restarts", {"first_epochs": 9, "final": -1}, "final must be a number at least 0, not -1"),
    ],
)
def test_a_mistake_gets_a_sentence(name, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        getattr(schedules, name)(0.1, **arguments)


def test_a_decay_that_grows_beyond_float32():
    with pytest.raises(RequestError, match=r"the factor 1000.0 at 500 epochs makes a value of more than 1e38"):
        schedules.step_decay(0.1, epochs=list(range(1, 501)), factor=1e3)

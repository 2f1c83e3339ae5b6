"""The measured noise scale: the estimator in closed form, the callback against NumPy, training left alone."""

import math

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import assert_resumes_exactly, assert_same, compiled, data, run, trainer, values

from tf_tricks import schedules
from tf_tricks.callbacks.noise_scale import NoiseScale, noise_scale_estimate
from tf_tricks.callbacks.training_batches import training_batches
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError

SIZES = dict(batch_size=4, num_batches=8)


@given(st.floats(0.01, 100), st.floats(0.01, 100), st.integers(1, 64), st.integers(2, 64))
@settings(max_examples=30)
def test_expected_norms_give_gradient_and_trace_back(gradient, trace, small, factor):
    big = small * factor
    estimate = noise_scale_estimate([gradient + trace / small], gradient + trace / big, small, big)
    assert estimate == pytest.approx((gradient, trace), rel=1e-9, abs=1e-9 * (gradient + trace))


@pytest.mark.parametrize("gradient_scale", [0.0, 0.3, 3.0])
def test_the_estimate_is_unbiased_for_gaussian_gradients(gradient_scale):
    rng = np.random.default_rng(0)
    draws, number, small, deviations = 20_000, 4, 2, np.array([1.0, 0.5, 2.0])
    gradient = gradient_scale * np.array([1.0, -1.0, 0.5])
    smalls = gradient + deviations / np.sqrt(small) * rng.normal(size=(draws, number, 3))
    norms, big = (smalls**2).sum(axis=2), (smalls.mean(axis=1) ** 2).sum(axis=1)
    estimates = np.array([noise_scale_estimate(n, b, small, small * number) for n, b in zip(norms, big)])
    error = estimates.std(axis=0) / math.sqrt(draws)
    off = np.abs(estimates.mean(axis=0) - [(gradient**2).sum(), (deviations**2).sum()]) / error
    assert off.max() < 4


def test_big_must_be_bigger():
    with pytest.raises(RequestError, match="big must be a number above 8, not 8"):
        noise_scale_estimate([1.0], 1.0, 8, 8)


def linear(kernel):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array(kernel, "float32")[:, None]])
    return model


def reference(kernel, batches):
    """|G|² and tr(Σ) of the loss mean((x·w − y)²), in NumPy."""
    gradients = [2 * x.T.astype("float64") @ (x @ kernel - y[:, 0]) / len(x) for x, y in batches]
    small = np.mean([g @ g for g in gradients])
    big = np.mean(gradients, axis=0) @ np.mean(gradients, axis=0)
    b, n = len(batches[0][0]), len(gradients)
    return (n * b * big - b * small) / (n * b - b), (small - big) / (1 / b - 1 / (n * b))


def test_fit_measures_what_numpy_does():
    kernel, (x, y) = np.array([0.5, 1.0, 0.0, -1.0]), data()
    model = compiled(linear(kernel), keras.optimizers.SGD(0.0))
    noise = NoiseScale(**SIZES, data=(x, y), smoothing=0.5)
    history = model.fit(x, y, epochs=2, callbacks=[noise], verbose=0).history
    first, second = (
        np.array(reference(kernel, list(training_batches((x, y), 4, 8, start=start)))) for start in (0, 32)
    )
    average = (first + 2 * second) / 3  # shares 1/2 and 1, over their sum
    found = [noise.gradient_norm_squared, noise.trace]
    np.testing.assert_allclose(found, average, rtol=1e-5)
    expected = [first[1] / first[0], average[1] / average[0]]
    np.testing.assert_allclose(history["noise_scale_measured"], expected, rtol=1e-5)


def test_it_measures_without_logs_to_tell_it_in():
    kernel, (x, y) = np.array([0.5, 1.0, 0.0, -1.0]), data()
    noise = NoiseScale(**SIZES, data=(x, y))
    noise.set_model(compiled(linear(kernel), keras.optimizers.SGD(0.0)))
    noise.on_train_begin()
    noise.on_epoch_end(0)
    expected = reference(kernel, list(training_batches((x, y), 4, 8)))
    np.testing.assert_allclose([noise.gradient_norm_squared, noise.trace], expected, rtol=1e-5)


def test_the_trainer_measures_on_the_coming_examples():
    kernel = np.array([0.5, 1.0, 0.0, -1.0])
    noise = NoiseScale(**SIZES)
    run(trainer(linear(kernel), learning_rate=1e-30), [noise], epochs=1)
    expected = reference(kernel, list(training_batches(Stream(data(), seed=1), 4, 8, start=64)))
    np.testing.assert_allclose([noise.gradient_norm_squared, noise.trace], expected, rtol=1e-5)


def test_no_noise():
    x, y = np.ones((32, 4), "float32"), np.ones((32, 1), "float32")
    noise = NoiseScale(**SIZES, data=(x, y))
    compiled(linear([0.0, 0.0, 0.0, 0.0])).fit(x, y, callbacks=[noise], verbose=0)
    assert noise.measured == pytest.approx(0.0, abs=1e-5)


def test_nothing_but_noise():
    noise = NoiseScale()
    noise.count, noise.gradient_norm_squared, noise.trace = 1, -0.1, 1.0
    assert noise.measured == math.inf


def test_every_batch_has_a_dropout_mask_of_its_own():
    x, y = np.ones((32, 4), "float32"), np.ones((32, 1), "float32")
    layers = [keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(1, kernel_initializer="ones")]
    noise = NoiseScale(batch_size=1, num_batches=16, data=(x, y))
    compiled(keras.Sequential(layers)).fit(x, y, callbacks=[noise], verbose=0)
    assert noise.trace > 0.1


def test_fit_is_left_alone_bit_for_bit():
    x, y = data()
    models = []
    for callbacks in [], [NoiseScale(**SIZES, data=(x, y))]:
        model = compiled()
        model.fit(x, y, epochs=2, callbacks=callbacks, verbose=0)
        models.append(values(model))
    assert_same(*models)


def test_the_trainer_is_left_alone_bit_for_bit():
    plain, measured = trainer(), trainer()
    losses, history = run(plain, []), run(measured, [NoiseScale(**SIZES)])
    assert_same(values(measured.model), values(plain.model))
    assert {name: history[name] for name in losses} == losses


def test_the_prediction_is_that_of_rate_momentum_and_batch_size():
    rate = schedules.step_decay(0.05, epochs=(2,), factor=0.1)
    size = schedules.grow(8, epochs=(1,), factor=2)
    history = run(trainer(learning_rate=rate, batch_size=size), [NoiseScale(**SIZES)])
    expected = [schedules.noise_scale_of(r, b, 64, 0.9) for r, b in [(0.05, 8), (0.05, 16), (0.005, 16), (0.005, 16)]]
    np.testing.assert_allclose(history["noise_scale_predicted"], expected, rtol=1e-6)


def test_a_stream_in_fit_is_predicted_for_and_left_where_it_is():
    stream = Stream(data(), batch_size=16, seed=1)
    history = (
        compiled().fit(stream, epochs=2, shuffle=False, verbose=0, callbacks=[NoiseScale(**SIZES, data=stream)]).history
    )
    np.testing.assert_allclose(history["noise_scale_predicted"], schedules.noise_scale_of(0.05, 16, 64, 0.9), rtol=1e-6)
    assert (stream.examples_seen, stream.batch_size) == (128, 16)


def test_every_second_epoch():
    noise = NoiseScale(**SIZES, every=2)
    measured = run(trainer(learning_rate=0.001), [noise])["noise_scale_measured"]
    assert noise.count == 2
    assert measured[0] == measured[1] != measured[2] == measured[3]


def test_batches_of_an_iterable_keep_their_size():
    x, y = data(30)
    batches = [(x[i : i + 8], y[i : i + 8]) for i in range(0, 30, 8)]  # the last has 6
    kernel = np.array([0.5, 1.0, 0.0, -1.0])
    noise = NoiseScale(num_batches=10, data=batches)
    compiled(linear(kernel), keras.optimizers.SGD(0.0)).fit(x, y, callbacks=[noise], verbose=0)
    np.testing.assert_allclose([noise.gradient_norm_squared, noise.trace], reference(kernel, batches[:3]), rtol=1e-5)


@pytest.mark.slow
def test_a_broken_run_is_resumed_exactly(tmp_path):
    assert_resumes_exactly(trainer, lambda: [NoiseScale(**SIZES)], tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "NoiseScale has no examples to measure with"),
        ({"data": data(8), "batch_size": 9}, "a small batch of 9 is larger than the 8 examples there are"),
        ({"data": data(), "loss": ["mse"]}, "NoiseScale needs one loss to take the gradient of"),
    ],
)
def test_what_cannot_be_measured(arguments, message):
    with pytest.raises(RequestError, match=message):
        compiled().fit(*data(8), callbacks=[NoiseScale(**arguments)], verbose=0)


@pytest.mark.parametrize("argument", [{"batch_size": 0}, {"num_batches": 1}, {"every": 0}, {"smoothing": 1.0}])
def test_arguments_out_of_range(argument):
    with pytest.raises(RequestError, match=f"{next(iter(argument))} must be"):
        NoiseScale(**argument)

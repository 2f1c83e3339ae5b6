"""The range test on a loss whose path is known, and that nothing of it stays behind."""

import keras
import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks import schedules
from tf_tricks.callbacks.learning_rate_finder import LearningRateFinder, find_learning_rate
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError

ONES = np.ones((128, 1), "float32"), np.zeros((128, 1), "float32")  # every batch is the same


def parabola():
    """Its mean squared error on ONES is w², from w = 1 on."""
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")])


def expected(minimum, maximum, steps, smoothing, stop_factor):
    """The rates, losses and smoothed losses of gradient descent on w²: w ← w (1 − 2η)."""
    w, rates, losses, smoothed = 1.0, [], [], []
    for i in range(steps):
        rates.append(minimum * (maximum / minimum) ** (i / (steps - 1)))
        losses.append(w * w)
        weights = np.array([smoothing ** (i - j) for j in range(i + 1)])
        smoothed.append(float(weights @ losses / weights.sum()))
        if smoothed[-1] > stop_factor * min(smoothed):
            break
        w *= 1 - 2 * rates[-1]
    return rates, losses, smoothed


def fitted(finder, model=None):
    model = model or parabola()
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(*ONES, batch_size=4, epochs=9, callbacks=[finder], verbose=0)
    return finder


def trained(finder, model=None):
    made = tt.Trainer(model or parabola(), keras.optimizers.SGD(0.5), batch_size=4, loss="mean_squared_error")
    made.fit(ONES, epochs=9, callbacks=[finder], verbose=0)
    return finder


RANGE = dict(minimum=1e-3, maximum=1e3, steps=80, smoothing=0.8, stop_factor=5.0)


@pytest.fixture(scope="module", params=[fitted, trained])
def finder(request):
    """After its run, in plain fit and in the trainer."""
    return request.param(LearningRateFinder(**RANGE))


def test_rates_losses_and_the_end_are_those_of_the_formula(finder):
    rates, losses, smoothed = expected(**RANGE)
    assert len(losses) < 80
    assert finder.learning_rates == pytest.approx(rates)
    # Near its minimum w² is what is left of a difference of floats.
    assert finder.losses == pytest.approx(losses, rel=1e-3, abs=1e-9)
    assert finder.smoothed_losses == pytest.approx(smoothed, rel=1e-3, abs=1e-9)


def test_the_suggestion_is_where_the_smoothed_loss_falls_steepest_set_back_by_its_lag(finder):
    rates, _, smoothed = (np.array(values) for values in expected(**RANGE))
    slopes = (smoothed[2:] - smoothed[:-2]) / (np.log(rates[2:]) - np.log(rates[:-2]))
    steepest = slopes[8:].argmin() + 9
    weights = [0.8**age for age in range(steepest + 1)]
    lag = sum(age * weight for age, weight in enumerate(weights)) / sum(weights)
    assert finder.suggestion == pytest.approx(rates[steepest] * (rates[0] / rates[1]) ** lag)
    assert finder.reason is None


def test_without_a_blow_up_it_ends_after_the_last_rate():
    finder = fitted(LearningRateFinder(minimum=1e-4, maximum=0.1, steps=20))
    assert len(finder.losses) == 20
    assert finder.learning_rates[-1] == pytest.approx(0.1)


def test_every_rate_is_set_before_its_update():
    class Rates(keras.callbacks.Callback):
        every_step, rates = True, []

        def on_train_batch_end(self, batch, logs=None):
            self.rates.append(float(self.model.optimizer.learning_rate))

    made = tt.Trainer(parabola(), "sgd", batch_size=4, loss="mean_squared_error")
    finder = LearningRateFinder(minimum=1e-4, maximum=0.1, steps=20)
    made.fit(ONES, epochs=9, callbacks=[recorder := Rates(), finder], verbose=0)
    assert recorder.rates == pytest.approx(finder.learning_rates)


@pytest.mark.parametrize("run", [fitted, trained])
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_loss_that_is_not_finite_ends_it(run):
    finder = run(LearningRateFinder(minimum=1e30, maximum=1e31, steps=50, stop_factor=1e99))
    assert not np.isfinite(finder.losses[-1])
    assert np.all(np.isfinite(finder.losses[:-1]))
    assert "only 1 updates had a finite loss" in finder.reason
    assert finder.suggestion is None


@pytest.mark.parametrize("minimum", [2.0, 1e-12])
def test_no_suggestion_where_the_loss_never_fell(minimum):
    # From 2 on the loss triples, at 1e-12 a float does not move.
    finder = fitted(LearningRateFinder(minimum=minimum, maximum=2 * minimum, steps=20, stop_factor=1e30))
    assert finder.suggestion is None
    assert "the smoothed loss never fell, by more than its noise, at rates from" in finder.reason


@pytest.mark.parametrize("seed", range(3))
def test_no_suggestion_from_the_noise_of_batches(seed):
    keras.utils.set_random_seed(seed)
    model = parabola()
    model.compile("sgd", "mse")
    inputs = np.random.default_rng(seed).normal(size=(512, 1))
    finder = find_learning_rate(model, inputs, 0 * inputs, batch_size=8, minimum=1e-12, maximum=1e-9)
    assert np.std(finder.losses) > 0.1
    assert finder.suggestion is None


def fed(losses):
    """A finder that has seen these losses."""
    finder = LearningRateFinder()
    for loss in losses:
        finder._note(loss)
    return finder


def test_noise_alone_gives_no_suggestion_in_99_of_100_tests():
    noise = [2.3 + 0.3 * np.random.default_rng(seed).normal(size=100) for seed in range(300)]
    assert sum(fed(losses).suggestion is not None for losses in noise) <= 3


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_the_suggestion_is_of_the_fall_and_not_of_the_noise_before(noise):
    rates = np.geomspace(1e-6, 1.0, 100)
    # Falls from 2.3 to 0.5, steepest at 0.01, blows up at 0.5; where the loss is high, so is the noise.
    curve = 2.3 - 1.8 / (1 + (0.01 / rates) ** 1.5) + (rates / 0.5) ** 4
    for seed in range(100):
        losses = curve * (1 + noise / 2.3 * np.random.default_rng(seed).normal(size=100))
        assert 1e-3 < fed(losses).suggestion < 3e-2


def eventful(seed=0):
    """Dropout, batch norm and data that fit them."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)]
    )
    inputs = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    return model, (inputs, inputs[:, :1])


def state(model):
    return [np.asarray(v).copy() for v in [*model.variables, *model.optimizer.variables]]


def assert_same(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, other)


OPTIMIZERS = [
    lambda: keras.optimizers.Adam(0.01),
    lambda: keras.optimizers.SGD(0.02, momentum=0.9, use_ema=True),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_fit_goes_on_as_if_there_had_been_no_test(optimizer):
    found = []
    for test in (False, True):
        model, data = eventful()
        model.compile(optimizer(), "mse")
        model.fit(*data, batch_size=8, epochs=1, shuffle=False, verbose=0)
        if test:
            before = state(model)
            finder = find_learning_rate(model, *data, batch_size=8, maximum=1e6, steps=30)
            assert len(finder.losses) > 10
            assert_same(state(model), before)
        model.fit(*data, batch_size=8, epochs=2, shuffle=False, verbose=0)
        found.append(state(model))
    assert_same(*found)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_trainer_goes_on_as_if_there_had_been_no_test(optimizer):
    found = []
    for test in (False, True):
        model, data = eventful()
        schedule = schedules.exponential_decay(0.02, decay_rate=0.5)
        made = tt.Trainer(model, optimizer(), learning_rate=schedule, batch_size=8, loss="mean_squared_error")
        if test:
            before = state(model)
            finder = LearningRateFinder(maximum=1e6, steps=30)
            made.fit(data, epochs=100, validation=data, callbacks=[finder], verbose=0)
            assert len(finder.losses) > 10
            assert_same(state(model), before)
            assert made.learning_rate is schedule
        made.fit(Stream(data, seed=2), epochs=2, verbose=0)
        found.append(state(model))
    assert_same(*found)


def test_the_loss_scale_of_float16_is_put_back():
    keras.config.set_dtype_policy("mixed_float16")
    made = tt.Trainer(parabola(), "sgd", batch_size=4, loss="mean_squared_error")
    before = [np.asarray(v).copy() for v in made.loss_scale.variables]
    made.fit(ONES, epochs=9, callbacks=[LearningRateFinder(maximum=1e4, steps=30)], verbose=0)
    assert_same(made.loss_scale.variables, before)


def test_the_same_finder_serves_trainer_and_fit_in_turn():
    finder = LearningRateFinder(minimum=1e-3, maximum=1e3, steps=40)
    trained(finder)
    first = finder.suggestion
    fitted(finder)
    assert finder.suggestion == pytest.approx(first)


def test_too_few_epochs_are_told():
    model = parabola()
    model.compile("sgd", "mse")
    finder = LearningRateFinder(steps=20)
    with pytest.warns(UserWarning, match="the range test has made 4 of its 20 updates, up to .* give fit more epochs"):
        model.fit(*ONES, batch_size=64, epochs=2, callbacks=[finder], verbose=0)
    assert float(model.weights[0].numpy()[0, 0]) == 1.0


def test_a_suggestion_that_trains():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype("float32")
    layers = keras.layers
    model = keras.Sequential([keras.Input((64,)), layers.Dense(32, activation="relu"), layers.Dense(10)])
    model.compile(keras.optimizers.SGD(momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    finder = find_learning_rate(model, images, labels, batch_size=64, maximum=10.0)
    model.optimizer.learning_rate = finder.suggestion
    history = model.fit(images, labels, batch_size=64, epochs=3, verbose=0)
    assert history.history["loss"][-1] < 0.5  # from 2.3


def test_plot(finder, tmp_path):
    finder.plot(tmp_path / "range.png")
    assert (tmp_path / "range.png").read_bytes().startswith(b"\x89PNG")


def test_plot_without_a_suggestion(tmp_path):
    LearningRateFinder().plot(tmp_path / "range.png")
    assert (tmp_path / "range.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(minimum=0.0), "minimum must be a number above 0"),
        (dict(minimum=1.0, maximum=0.1), "maximum must be a number above 1.0"),
        (dict(steps=5), "steps must be an integer at least 10"),
        (dict(smoothing=1), "smoothing must be a number at least 0 and below 1"),
        (dict(stop_factor=1), "stop_factor must be a number above 1"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    with pytest.raises(RequestError, match=message):
        LearningRateFinder(**arguments)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(optimizer=keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5))), "make it with a number"),
        (dict(steps_per_execution=2), "compile with steps_per_execution=1, not 2"),
    ],
)
def test_a_model_compiled_otherwise_is_refused(settings, message):
    model = parabola()
    model.compile(**{"optimizer": "sgd", "loss": "mse"} | settings)
    with pytest.raises(RequestError, match=message):
        find_learning_rate(model, *ONES)

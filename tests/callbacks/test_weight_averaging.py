"""Averages of the weights: closed forms, batch norm's statistics, validation, and training that goes on as it was."""

import itertools

import keras
import numpy as np
import pytest
from support.runs import assert_resumes_exactly, assert_same, compiled, data, network, run, trainer, values

from tf_tricks.callbacks.exponential_moving_average import ExponentialMovingAverage
from tf_tricks.callbacks.stochastic_weight_averaging import StochasticWeightAveraging
from tf_tricks.callbacks.training_batches import training_batches
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError
from tf_tricks.layers.batch_norm_statistics import recompute_batch_norm

BATCHES = dict(batches=3, batch_size=16)


class Visited(keras.callbacks.Callback):
    """Notes the weights that training visits, and those that validation sees."""

    every_step = True

    def __init__(self):
        super().__init__()
        self.updates, self.epochs, self.validated = [], [], []

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_train_batch_end(self, batch, logs=None):
        self.updates.append(self.model.get_weights())

    def on_test_batch_begin(self, batch, logs=None):
        self.validated.append(self.model.get_weights())

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(self.model.get_weights())


def trainable(model, weights):
    """Those of the weights that are trained."""
    return [w for w, v in zip(weights, model.weights, strict=True) if v.trainable]


def flat(visited):
    return list(itertools.chain(*visited))


def mean(model, visited):
    return [np.mean(each, axis=0) for each in zip(*(trainable(model, weights) for weights in visited))]


def faded(model, visited, momentum):
    shares = momentum ** np.arange(len(visited))[::-1]
    columns = zip(*(trainable(model, weights) for weights in visited))
    return [np.average(each, axis=0, weights=shares) for each in columns]


def assert_close(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_swa_is_the_mean_of_the_chosen_epochs():
    visited, made = Visited(), trainer()
    run(made, [visited, StochasticWeightAveraging(1, every=2, **BATCHES)], epochs=5)
    assert_close(trainable(made.model, made.model.get_weights()), mean(made.model, visited.epochs[1::2]))


def test_swa_in_fit_is_the_mean_of_the_chosen_epochs():
    visited, model = Visited(), compiled()
    model.fit(*data(), epochs=4, callbacks=[visited, StochasticWeightAveraging(2, **BATCHES, data=data())], verbose=0)
    assert_close(trainable(model, model.get_weights()), mean(model, visited.epochs[2:]))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.99])
def test_ema_fades_into_the_past_without_a_bias(momentum):
    visited, made = Visited(), trainer()
    run(made, [visited, ExponentialMovingAverage(momentum, **BATCHES)], epochs=2)
    assert len(visited.updates) == 8
    assert_close(trainable(made.model, made.model.get_weights()), faded(made.model, visited.updates, momentum))


def test_ema_in_fit_fades_into_the_past_without_a_bias():
    visited, model = Visited(), compiled()
    model.fit(*data(), epochs=2, callbacks=[visited, ExponentialMovingAverage(0.9, **BATCHES, data=data())], verbose=0)
    assert_close(trainable(model, model.get_weights()), faded(model, visited.updates, 0.9))


KINDS = {
    "swa": lambda **arguments: StochasticWeightAveraging(1, **BATCHES, **arguments),
    "ema": lambda **arguments: ExponentialMovingAverage(0.9, **BATCHES, **arguments),
}


@pytest.mark.parametrize("kind", KINDS)
def test_statistics_are_those_of_the_averaged_weights(kind):
    made = trainer()
    run(made, [KINDS[kind]()])
    body, norm = made.model.get_layer("body"), made.model.get_layer("norm")
    inputs = np.concatenate([x for x, _ in training_batches(Stream(data(), seed=1), 16, 3)])
    outputs = inputs @ np.array(body.kernel) + np.array(body.bias)
    np.testing.assert_allclose(norm.moving_mean, outputs.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(norm.moving_variance, outputs.var(axis=0), rtol=1e-4, atol=1e-5)


def test_statistics_come_from_augmented_examples():
    def shift(inputs, labels, seed, positions):
        return inputs + 5.0, labels

    stream = Stream(data(), seed=1, augment=shift)
    made = trainer()
    made.fit(stream, 1, callbacks=[StochasticWeightAveraging(0, batches=9, batch_size=16)], verbose=0)
    expected = (data()[0] + 5.0) @ np.array(made.model.get_layer("body").kernel)
    expected = expected.mean(axis=0) + np.array(made.model.get_layer("body").bias)
    np.testing.assert_allclose(made.model.get_layer("norm").moving_mean, expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_trainer_validates_the_average_and_trains_on_as_it_was(kind):
    plain, made, visited = trainer(), trainer(), Visited()
    plain_visited = Visited()
    losses = run(plain, [plain_visited])
    history = run(made, [KINDS[kind](), visited])
    assert history["loss"] == losses["loss"]
    assert_same(flat(visited.updates), flat(plain_visited.updates))
    assert history["val_loss"][-1] == pytest.approx(made.evaluate(data(10))["loss"], rel=1e-6)
    assert history["val_loss"] != losses["val_loss"]


@pytest.mark.parametrize("kind", KINDS)
def test_fit_validates_the_average_and_trains_on_as_it_was(kind):
    runs = []
    for callbacks in [], [KINDS[kind](data=data())]:
        model, visited = compiled(), Visited()
        arguments = dict(epochs=3, shuffle=False, validation_data=data(10), verbose=0)
        history = model.fit(*data(), callbacks=[*callbacks, visited], **arguments).history
        runs.append((model, visited, history))
    (_, plain_visited, losses), (model, visited, history) = runs
    assert history["loss"] == losses["loss"]
    assert_same(flat(visited.epochs), flat(plain_visited.epochs))
    assert_same(visited.validated[-1], model.get_weights())  # the last average is the final one
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(*data(10), verbose=0), rel=1e-6)


@pytest.mark.slow
def test_validation_before_the_first_average_sees_the_weights():
    losses, history = run(trainer(), []), run(trainer(), [StochasticWeightAveraging(2, **BATCHES)])
    assert [a == b for a, b in zip(history["val_loss"], losses["val_loss"])] == [True, True, False, False]


@pytest.mark.slow
def test_a_run_that_ends_before_the_first_average_keeps_its_weights():
    plain, made = trainer(), trainer()
    run(plain, [])
    run(made, [StochasticWeightAveraging(9, **BATCHES)])
    assert_same(values(made.model), values(plain.model))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_run_is_resumed_exactly(kind, tmp_path):
    assert_resumes_exactly(trainer, lambda: [KINDS[kind]()], tmp_path)


@pytest.mark.slow
def test_a_finished_run_that_is_resumed_has_the_average(tmp_path):
    one, other = trainer(), trainer()
    for made in one, other:
        run(made, [KINDS["swa"]()], tmp_path)
    assert_same(values(one.model), values(other.model))


def test_a_second_run_starts_a_new_average():
    averaging, model = KINDS["ema"](data=data()), compiled()
    for _ in range(2):
        visited = Visited()
        model.fit(*data(), epochs=2, callbacks=[visited, averaging], verbose=0)
    assert_close(trainable(model, model.get_weights()), faded(model, visited.updates, 0.9))


def test_an_evaluation_after_training_is_left_alone():
    averaging, model = KINDS["swa"](data=data()), compiled()
    model.fit(*data(), epochs=2, callbacks=[averaging], verbose=0)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.evaluate(*data(10), callbacks=[averaging], verbose=0)
    assert not any(w.any() for w in model.get_weights())


def test_a_model_without_batch_norm_needs_no_data():
    model = compiled(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
    visited = Visited()
    model.fit(*data(), epochs=3, callbacks=[visited, StochasticWeightAveraging(0)], verbose=0)
    assert_close(model.get_weights(), mean(model, visited.epochs))


def test_half_precision_weights_are_averaged_in_single():
    keras.config.set_dtype_policy("bfloat16")
    model = compiled(keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]))
    averaging = StochasticWeightAveraging(0)
    averaging.set_model(model)
    averaging.on_train_begin()
    for value in (1.0, 1.0, 1.0078125, 1.0078125):  # neighbours in bfloat16
        model.set_weights([np.full(w.shape, value) for w in model.get_weights()])
        averaging.add(1 / (averaging.count + 1))
    assert float(averaging.get_state()["averages"][0][0, 0]) == pytest.approx(1.00390625)


def test_recomputing_is_that_of_the_layers_package():
    made, twin = trainer(), network()
    run(made, [KINDS["ema"]()])
    twin.set_weights(made.model.get_weights())
    recompute_batch_norm(twin, training_batches(Stream(data(), seed=1), 16, 3))
    assert_same(made.model.get_weights(), twin.get_weights())


@pytest.mark.parametrize("kind", KINDS)
def test_fit_with_batch_norm_needs_data(kind):
    with pytest.raises(RequestError, match="needs training examples for batch norm's statistics"):
        compiled().fit(*data(), callbacks=[KINDS[kind]()], verbose=0)


def test_an_optimizer_that_averages_itself_is_refused():
    with pytest.raises(RequestError, match=r"the optimizer keeps an average of the weights \(use_ema=True\)"):
        run(trainer(optimizer={"name": "momentum", "use_ema": True}), [KINDS["swa"]()])


def test_several_updates_a_call_are_refused():
    model = compiled()
    model.compile("sgd", "mse", steps_per_execution=2)
    with pytest.raises(RequestError, match="compile with steps_per_execution=1, not 2"):
        model.fit(*data(), callbacks=[ExponentialMovingAverage(data=data())], verbose=0)


@pytest.mark.parametrize("argument", [{"momentum": 1.0}, {"batches": 0}, {"batch_size": 0.5}])
def test_arguments_out_of_range(argument):
    with pytest.raises(RequestError, match=f"{next(iter(argument))} must be"):
        ExponentialMovingAverage(**argument)

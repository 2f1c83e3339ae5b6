"""The end of a run that has diverged."""

import keras
import numpy as np
import pytest
from support.crash import Crash

import tf_tricks as tt
from tf_tricks.callbacks.stop_on_nan import StopOnNaN
from tf_tricks.data import Stream

INPUTS = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
GOOD = INPUTS, INPUTS[:, :1]
BATCHES = 8


class Poison(keras.callbacks.Callback):
    """Puts NaN into a weight after some batch (counted from 0) of some epoch."""

    every_step = True

    def __init__(self, epoch, batch=None):
        super().__init__()
        self.at, self.epoch = (epoch, batch), 0

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.batch = epoch, -1

    def on_train_batch_end(self, batch, logs=None):
        self.batch += 1
        if (self.epoch, self.batch) == self.at:
            weight = self.model.weights[0]
            weight.assign(np.full(weight.shape, np.nan))


def model():
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential([keras.Input((3,)), layers.Dense(4, name="hidden"), layers.Dense(1, name="output")])


def fitted(callbacks, epochs, **optimizer):
    made = model()
    made.compile(keras.optimizers.SGD(0.01, momentum=0.9, **optimizer), "mse")
    history = made.fit(*GOOD, batch_size=4, epochs=epochs, shuffle=False, callbacks=callbacks, verbose=0)
    return made, history.history


def trained(callbacks, epochs, workdir=None, **optimizer):
    made = tt.Trainer(model(), {"name": "momentum", **optimizer}, 0.01, 4, "mean_squared_error")
    history = made.fit(Stream(GOOD, seed=1), epochs, callbacks=callbacks, workdir=workdir, verbose=0)
    return made.model, history.history


def assert_same_state(one, other):
    for a, b in zip([*one.weights, *one.optimizer.variables], [*other.weights, *other.optimizer.variables]):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize(("run", "where"), [(fitted, "batch 4 of epoch 3"), (trained, f"step {2 * BATCHES + 4}")])
def test_the_first_loss_that_is_not_finite_ends_it_with_the_last_good_epoch(run, where, capsys):
    stop = StopOnNaN()
    made, history = run([Poison(2, 2), stop], 9)
    good, _ = run([], 2)
    assert_same_state(made, good)
    assert len(history["loss"]) == 3
    assert stop.message.startswith(f"the loss is nan at {where}: not finite are the weights ")
    assert "hidden/kernel" in stop.message
    assert "; those of the end of epoch 2 are back; try a learning rate ten times smaller" in stop.message
    assert capsys.readouterr().err == stop.message + "\n"


@pytest.mark.parametrize("run", [fitted, trained])
def test_a_weight_that_is_not_finite_at_the_end_of_an_epoch(run):
    stop = StopOnNaN()
    made, _ = run([Poison(1, BATCHES - 1), stop], 9)
    good, _ = run([], 1)
    assert_same_state(made, good)
    beginning = "there are weights that are not finite at the end of epoch 2: not finite are the weights "
    assert stop.message.startswith(beginning)
    assert stop.message.removeprefix(beginning).startswith(made.weights[0].path + ";")


@pytest.mark.parametrize("run", [fitted, trained])
def test_a_loss_that_is_not_finite_in_the_first_epoch_brings_the_start_back(run):
    stop = StopOnNaN()
    made, _ = run([Poison(0, 1), stop], 9)
    for one, other in zip(made.weights, model().weights):
        np.testing.assert_array_equal(one, other)
    assert "; those of the start are back" in stop.message


@pytest.mark.parametrize("run", [fitted, trained])
def test_a_moving_average_does_not_bring_nan_back(run):
    made, _ = run([Poison(1, 1), StopOnNaN()], 9, use_ema=True)
    assert all(np.all(np.isfinite(np.asarray(w))) for w in made.weights)


@pytest.mark.parametrize("run", [fitted, trained])
def test_without_restore_the_weights_stay_as_they_are(run):
    stop = StopOnNaN(restore=False)
    made, _ = run([Poison(1, 1), stop], 9)
    assert np.all(np.isnan(np.asarray(made.weights[0])))
    assert "are back" not in stop.message


@pytest.mark.parametrize("run", [fitted, trained])
def test_a_run_that_is_well_is_left_alone(run):
    stop = StopOnNaN()
    made, history = run([stop], 3)
    other, expected = run([], 3)
    assert stop.message is None
    assert history == expected
    assert_same_state(made, other)


def test_many_weights_are_not_all_named():
    layers = [keras.layers.Dense(1) for _ in range(3)]
    made = keras.Sequential([keras.Input((1,)), *layers])
    made.compile("sgd", "mse")
    stop = StopOnNaN()
    made.fit(np.ones((1, 1)), np.full((1, 1), np.nan), callbacks=[stop], verbose=0)
    assert " and 2 more; those of" in stop.message


def test_a_stopped_run_that_is_asked_to_go_on_has_the_good_weights(tmp_path):
    first, _ = trained([Poison(1, 1), StopOnNaN()], 9, tmp_path)
    again, _ = trained([Poison(1, 1), StopOnNaN()], 9, tmp_path)
    assert_same_state(first, again)


def test_a_resumed_run_still_has_the_weights_of_the_last_good_epoch(tmp_path):
    with pytest.raises(ZeroDivisionError):
        trained([StopOnNaN(), Poison(9), Crash(epoch=2)], 9, tmp_path)
    made, _ = trained([stop := StopOnNaN(), Poison(2, 0), Crash()], 9, tmp_path)
    good, _ = trained([], 2)
    assert_same_state(made, good)
    assert "those of the end of epoch 2 are back" in stop.message

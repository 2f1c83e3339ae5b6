"""Callbacks of Keras in the trainer: when they are called, and what they change."""

import keras
import numpy as np
import pytest
from support.crash import Crash
from support.linear_runs import assert_same, fit, trainer, weights

from tf_tricks import schedules


class Recorder(keras.callbacks.Callback):
    """Notes the rates that callbacks see and the hooks that are called."""

    def __init__(self):
        super().__init__()
        self.rates, self.hooks = [], []

    def on_train_begin(self, logs=None):
        self.hooks.append("train begin")

    def on_train_end(self, logs=None):
        self.hooks.append("train end")

    def on_epoch_begin(self, epoch, logs=None):
        self.hooks.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch, logs=None):
        self.hooks.append(f"epoch {epoch} end")

    def on_train_batch_begin(self, batch, logs=None):
        self.hooks.append("batch begin")

    def on_train_batch_end(self, batch, logs=None):
        self.hooks.append("batch end")
        self.rates.append((batch, float(self.model.optimizer.learning_rate.numpy())))


def test_hooks_are_called_in_keras_order():
    recorder = Recorder()
    fit(trainer(batch_size=64), callbacks=[recorder])
    epochs = [[f"epoch {i} begin", "batch begin", "batch end", f"epoch {i} end"] for i in (0, 1)]
    assert recorder.hooks == ["train begin", *epochs[0], *epochs[1], "train end"]


def test_the_rate_follows_the_schedule():
    rate = schedules.step_decay(0.02, epochs=(0.5, 1), factor=0.5)
    recorder = Recorder()
    fit(trainer(learning_rate=rate), callbacks=[recorder], log_every=1)
    seen = dict(recorder.rates)
    assert {batch: seen[batch] for batch in (1, 3, 7)} == pytest.approx({1: 0.02, 3: 0.01, 7: 0.005})


class SetRate(keras.callbacks.Callback):
    """Sets the learning rate at a hook, once."""

    def __init__(self, hook, rate):
        super().__init__()
        setattr(self, hook, self.set)
        self.rate = rate

    def set(self, *_, **__):
        if self.rate is not None:
            self.model.optimizer.learning_rate = self.rate
        self.rate = None


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_begin"])
def test_a_rate_that_a_callback_sets_counts_at_once(hook):
    one, other = trainer(learning_rate=0.02), trainer(learning_rate=0.01)
    fit(one, callbacks=[SetRate(hook, 0.01)])
    fit(other)
    for value, wanted in zip(weights(one), weights(other)):
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


def test_reduce_lr_on_plateau_stays_on_top_of_the_schedule():
    rate = schedules.step_decay(0.02, epochs=(2,), factor=0.1)
    plateau = keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    recorder = Recorder()
    fit(trainer(learning_rate=rate, batch_size=64), epochs=3, callbacks=[plateau, recorder])
    # The first epoch is the best one; the second, no better, halves the rate; then the schedule makes it a tenth.
    assert [r for _, r in recorder.rates] == pytest.approx([0.02, 0.02, 0.001])


def test_early_stopping_stops():
    made = trainer()
    fit(made, 5, callbacks=[keras.callbacks.EarlyStopping("loss", patience=1, min_delta=1e9)])
    assert made.run.progress.step == 2 * 4


def test_early_stopping_restores_the_best_weights():
    best, made = trainer(), trainer()
    fit(best, 1)
    stopping = keras.callbacks.EarlyStopping("loss", patience=2, min_delta=1e9, restore_best_weights=True)
    fit(made, 5, callbacks=[stopping])
    assert_same(weights(made), weights(best))


class StopAt(keras.callbacks.Callback):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= self.step


def test_stop_training_stops_within_an_epoch():
    made = trainer()
    fit(made, 5, callbacks=[StopAt(2)], log_every=1)
    assert made.run.progress.step == 2


def test_a_csv_log_of_a_run_that_goes_on_has_one_header(tmp_path):
    def run(*others):
        log = keras.callbacks.CSVLogger(tmp_path / "log.csv", append=True)
        fit(trainer(), 3, callbacks=[log, *others], workdir=tmp_path / "run")

    with pytest.raises(ZeroDivisionError):
        run(Crash(step=9))
    run()
    rows = [row.split(",")[0] for row in (tmp_path / "log.csv").read_text().splitlines()]
    assert rows == ["epoch", "0", "1", "2"]

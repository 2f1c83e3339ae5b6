"""The trainer: the same as a plain loop, schedules and callbacks, and resuming."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.crash import Crash
from support.linear_runs import assert_same, fit, trainer, weights
from support.problems import convnet, image_data, linear_data, linear_model

import tf_tricks as tt
from tf_tricks import augment, schedules
from tf_tricks.data import Stream
from tf_tricks.engines.tensorflow import engine
from tf_tricks.errors import RunError


def test_fit_is_a_plain_loop_of_keras():
    made = trainer()
    history = fit(made)
    keras.utils.set_random_seed(0)
    model, stream = linear_model(), Stream(linear_data(), seed=1)
    model.compile(keras.optimizers.SGD(0.02, momentum=0.9), "mse", jit_compile=False)
    losses = []
    for k in range(0, 128, 16):
        inputs, labels = stream.fetch(k + tf.range(16, dtype=tf.int64))
        losses.append(float(model.train_on_batch(inputs, labels)))
        model.reset_metrics()
    np.testing.assert_allclose(history["loss"], np.reshape(losses, (2, 4)).mean(axis=1), rtol=1e-5)
    for value, wanted in zip(weights(made), model.get_weights(), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("settings", [{}, {"micro_batch": 8}, {"jit_compile": True}], ids=str)
@pytest.mark.parametrize("augmentation", ["pad_and_crop", "mixup"])
def test_augmenting_on_the_host_is_augmenting_in_the_step(augmentation, settings):
    found = []
    for place in ("step", "host"):
        loss = keras.losses.CategoricalCrossentropy(from_logits=True) if augmentation == "mixup" else None
        keras.utils.set_random_seed(0)
        made = trainer(convnet(), loss=loss, **settings)
        made_here = augment.get(augmentation, num_classes=5)
        stream = Stream(image_data(48), seed=1, augment=made_here, augment_on=place)
        history = made.fit(stream, 1, verbose=0).history
        found.append([history["loss"], *weights(made)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("jit_compile", ["auto", True, False])
def test_a_tpu_that_has_the_whole_step_compiled_gets_nothing_compiled_apart(monkeypatch, jit_compile):
    monkeypatch.setattr(engine, "device_kind", lambda strategy: "TPU")
    assert trainer(jit_compile=jit_compile).jit_compile is False


def test_fit_takes_fewer_examples_than_kerass_batch():
    made = trainer(batch_size=4)
    made.fit(linear_data(8), 1, verbose=0)
    assert made.run.progress.step == 2


def test_epochs_may_be_fractions():
    made = trainer()
    fit(made, 1.5)
    assert made.run.progress.step == 6


def test_metrics_and_validation_are_in_the_history():
    made = trainer(metrics=["mean_absolute_error"])
    history = fit(made, validation=linear_data(10))
    assert sorted(history) == ["loss", "mean_absolute_error", "val_loss", "val_mean_absolute_error"]
    assert history["val_loss"][-1] == pytest.approx(made.evaluate(linear_data(10))["loss"])


def test_learning_rate_decay_is_the_schedule():
    rate = schedules.exponential_decay(0.02, decay_rate=0.5)
    one, other = trainer(learning_rate=rate), trainer()
    assert fit(one) == fit(other, callbacks=[tt.callbacks.LearningRateDecay(rate)])
    assert_same(weights(one), weights(other))


def test_batch_size_increase_is_the_schedule():
    size = schedules.grow(8, epochs=(0.5, 1), factor=2)
    one, other = trainer(batch_size=size), trainer()
    assert fit(one) == fit(other, callbacks=[tt.callbacks.BatchSizeIncrease(size)])
    assert_same(weights(one), weights(other))


def test_a_diverging_run_names_the_first_step_that_is_not_finite(tmp_path):
    made = trainer(learning_rate=lambda epoch: 1e30 if epoch > 0.5 else 0.01, batch_size=16)
    # Steps 1 and 2 are fine, 3 leaps far away, where the loss of step 4 is infinite.
    with pytest.raises(RunError, match="the loss is not finite at step 4: the run has diverged"):
        fit(made, workdir=tmp_path)


def test_validation_uses_averaged_weights_and_training_goes_on_from_the_raw_ones():
    ema = {"name": "momentum", "use_ema": True, "ema_momentum": 0.5}
    made, plain = trainer(optimizer=ema), trainer()
    data = linear_data(10)
    results, plain_results = fit(made, validation=data), fit(plain, validation=data)
    assert results["loss"] == plain_results["loss"]
    assert results["val_loss"][-1] == pytest.approx(made.evaluate(data)["loss"])
    assert results["val_loss"][-1] != plain_results["val_loss"][-1]


def callbacks():
    return [
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.7, patience=1, min_delta=0.5),
        keras.callbacks.EarlyStopping("val_loss", patience=9, restore_best_weights=True),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.9 * rate),
    ]


def eventful(workdir, **arguments):
    """A trainer with something of everything and its history."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4),
            keras.layers.BatchNormalization(),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1),
        ]
    )
    made = trainer(
        model,
        optimizer={"name": "momentum", "use_ema": True, "ema_momentum": 0.5},
        learning_rate=schedules.exponential_decay(0.02, decay_rate=0.8),
        batch_size=schedules.grow(16, epochs=(2,), factor=2),
        metrics=["mean_absolute_error"],
    )
    history = fit(made, 4, validation=linear_data(10), workdir=workdir, log_every=3, **arguments)
    return made, history


def lines(workdir):
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("wall_time", "examples_per_second")} for line in found]


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("untouched")
    return *eventful(workdir, callbacks=callbacks()), lines(workdir)


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_run_that_crashed_is_resumed_bit_for_bit(untouched, tmp_path, epoch):
    with pytest.raises(ZeroDivisionError):
        eventful(tmp_path, callbacks=[*callbacks(), Crash(epoch=epoch)])
    made, history = eventful(tmp_path, callbacks=[*callbacks(), Crash()])
    assert history == untouched[1]
    assert_same(weights(made), weights(untouched[0]))
    assert lines(tmp_path) == untouched[2]


def test_a_profile_from_the_first_step_on(tmp_path):
    fit(trainer(batch_size=64), 2, workdir=tmp_path, profile_steps=(0, 1))
    assert len(list(tmp_path.glob("tensorboard/train/plugins/profile/*"))) == 1


def test_a_finished_run_is_left_as_it_is(tmp_path):
    one, history = trainer(), fit(trainer(), workdir=tmp_path)
    assert fit(one, workdir=tmp_path) == history
    assert one.run.progress.step == 8


def test_the_best_epoch_that_comes_back_is_that_of_the_averaged_weights():
    ema = {"name": "momentum", "use_ema": True, "ema_momentum": 0.5}
    data = linear_data(10)
    best = keras.callbacks.EarlyStopping("val_loss", mode="max", patience=9, restore_best_weights=True)
    made = trainer(optimizer=ema)
    history = fit(made, 3, validation=data, callbacks=[best])  # mode="max": the first epoch is the "best"
    assert history["val_loss"][0] == max(history["val_loss"])
    assert made.evaluate(data)["loss"] == pytest.approx(history["val_loss"][0])

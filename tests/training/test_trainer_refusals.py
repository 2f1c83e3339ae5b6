"""What the trainer refuses before anything is written, and how it tells what happens on the way."""

import keras
import pytest
import tensorflow as tf
from support.linear_runs import fit, trainer

from tf_tricks import schedules
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.errors import RequestError, RunError


def test_another_model_in_the_workdir_is_refused(tmp_path):
    fit(trainer(), 1, workdir=tmp_path)
    other = trainer(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)]))
    with pytest.raises(RequestError, match=r"the run in .* is another one"):
        fit(other, workdir=tmp_path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5)), "has a schedule of its own"),
        (lambda: keras.optimizers.SGD(gradient_accumulation_steps=2), "give the trainer micro_batch"),
        (lambda: keras.optimizers.SGD(use_ema=True, ema_overwrite_frequency=5), "leave ema_overwrite_frequency out"),
        (lambda: keras.optimizers.SGD(loss_scale_factor=4.0), "scales the loss"),
        (lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD()), "scales the loss"),
    ],
)
def test_optimizers_that_do_what_is_the_trainers(make, message):
    with pytest.raises(RequestError, match=message):
        trainer(optimizer=make())


def test_weight_decay_of_an_optimizer_in_use_is_refused():
    made = trainer(optimizer=keras.optimizers.SGD())
    with pytest.raises(RequestError, match="is in use already"):
        trainer(made.model, optimizer=made.optimizer, weight_decay=0.1)


def test_a_model_without_weights_is_refused():
    with pytest.raises(RequestError, match=r"has no weights yet: give it a keras\.Input"):
        trainer(keras.Sequential([keras.layers.Dense(1)]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(batch_size=65), "larger than the training set of 64"),
        (dict(batch_size=schedules.grow(16, epochs=(1,), factor=5)), "a batch of 80 is larger"),
        (dict(batch_size=12, micro_batch=8), "a batch of 12 is not a multiple of micro_batch=8"),
    ],
)
def test_batches_that_do_not_fit_are_refused_before_anything_is_written(settings, message, tmp_path):
    with pytest.raises(RequestError, match=message):
        fit(trainer(**settings), workdir=tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("epochs", [0, -1, float("nan")])
def test_epochs_out_of_range(epochs):
    with pytest.raises(RequestError, match="epochs must be a number above 0"):
        fit(trainer(), epochs)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            tf.errors.ResourceExhaustedError,
            "out of memory in training with a batch of 16 examples: set micro_batch to 8 or less",
        ),
        (tf.errors.DataLossError, "the training data cannot be read any more: bad record"),
    ],
)
def test_what_can_happen_on_the_way_gets_a_sentence(monkeypatch, error, message):
    def run(*_):
        raise error(None, None, "bad record\nat 0x0")

    monkeypatch.setattr(Loop, "run", run)
    with pytest.raises(RunError, match=message):
        fit(trainer())

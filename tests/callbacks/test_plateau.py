"""When a metric has stopped improving, and what is done about it."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.crash import Crash

import tf_tricks as tt
from tf_tricks import schedules
from tf_tricks.callbacks.decay_on_plateau import DecayOnPlateau
from tf_tricks.callbacks.grow_batch_on_plateau import GrowBatchOnPlateau
from tf_tricks.callbacks.plateau import Plateau
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError

FLAT = np.zeros((64, 1), "float32"), np.zeros((64, 1), "float32")


def flat_model():
    """Its loss on FLAT is 0 from the start."""
    return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])


class Note(Plateau):
    """Notes the epochs that end a plateau."""

    def on_plateau(self, epoch):
        self.epochs = [*getattr(self, "epochs", []), epoch]


def plateaus(values, **arguments):
    callback = Note(monitor="val_loss", **arguments)
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
    return getattr(callback, "epochs", [])


def plateaus_of_keras(values, **arguments):
    callback = keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, **arguments)
    model = flat_model()
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
    callback.set_model(model)
    callback.on_train_begin()
    rates = [1.0]
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"val_loss": value})
        rates.append(float(model.optimizer.learning_rate))
    return [epoch for epoch, (old, new) in enumerate(itertools.pairwise(rates)) if new < old]


@given(
    values=st.lists(st.integers(0, 6).map(float), min_size=1, max_size=25),
    patience=st.integers(1, 4),
    cooldown=st.integers(0, 3),
    min_delta=st.sampled_from([0.0, 0.5, 1.5]),
    mode=st.sampled_from(["min", "max"]),
)
@settings(max_examples=30)
def test_plateaus_are_those_of_keras(values, patience, cooldown, min_delta, mode):
    arguments = dict(patience=patience, cooldown=cooldown, min_delta=min_delta, mode=mode)
    assert plateaus(values, **arguments) == plateaus_of_keras(values, **arguments)


def test_a_first_value_that_is_not_a_number_is_no_best():
    assert plateaus([float("nan"), 3.0, 2.0, 1.0], patience=2) == []


@pytest.mark.parametrize(("monitor", "mode"), [("loss", "min"), ("val_accuracy", "max"), ("mean_squared_error", "min")])
def test_the_direction_goes_by_the_name(monitor, mode):
    callback = Plateau(monitor)
    callback.on_train_begin()
    assert callback.mode == mode


def test_a_name_that_tells_no_direction():
    with pytest.raises(RequestError, match="mode='auto' does not know whether 'val_mystery' is to fall or to rise"):
        Plateau("val_mystery").on_train_begin()


def test_the_trainer_knows_the_direction_of_its_metrics():
    made = tt.Trainer(flat_model(), "sgd", loss="mean_squared_error", metrics=["cosine_similarity"])
    plateau = DecayOnPlateau(monitor="cosine_similarity")
    made.fit(FLAT, 1, callbacks=[plateau], verbose=0)
    assert plateau.mode == "max"


def test_a_metric_that_is_not_there_is_told():
    plateau = Note("val_loss")
    plateau.on_train_begin()
    with pytest.warns(UserWarning, match="Note looks at 'val_loss', which epoch 1 does not have; it has: loss, mae"):
        plateau.on_epoch_end(0, {"loss": 1.0, "mae": 1.0})


class Recorder(keras.callbacks.Callback):
    """Notes the rate of each epoch and the number of its batches."""

    every_step = True

    def __init__(self):
        super().__init__()
        self.rates, self.batches = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.batches.append(0)

    def on_train_batch_end(self, batch, logs=None):
        self.batches[-1] += 1

    def on_epoch_end(self, epoch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate))


def fitted(callback, epochs, batch_size=16, stream=None, rate=0.1):
    model, recorder = flat_model(), Recorder()
    model.compile(keras.optimizers.SGD(rate), "mse", jit_compile=False)
    stream = stream or Stream(FLAT, batch_size)
    model.fit(stream, epochs=epochs, shuffle=False, callbacks=[recorder, callback], verbose=0)
    return recorder


def trained(callback, epochs, batch_size=16, rate=0.1, **arguments):
    model, recorder = flat_model(), Recorder()
    made = tt.Trainer(model, "sgd", rate, batch_size, "mean_squared_error", **arguments)
    made.fit(FLAT, epochs, callbacks=[recorder, callback], verbose=0)
    return recorder


@pytest.mark.parametrize("run", [fitted, trained])
def test_the_rate_decays_down_to_its_minimum(run):
    decay = DecayOnPlateau(factor=0.5, minimum=0.03, monitor="loss", patience=2)
    assert run(decay, 9).rates == pytest.approx([0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03])


def test_a_rate_below_the_minimum_is_left_alone():
    assert fitted(DecayOnPlateau(minimum=0.3, monitor="loss", patience=1), 3).rates == pytest.approx(3 * [0.1])


def test_the_decay_stays_on_top_of_the_trainers_schedule():
    rate = schedules.step_decay(0.1, epochs=(3,), factor=0.1)
    decay = DecayOnPlateau(factor=0.5, monitor="loss", patience=1)
    assert trained(decay, 4, rate=rate).rates == pytest.approx([0.1, 0.1, 0.05, 0.0025])


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_the_batch_grows_and_then_the_rate_decays():
    # 4, 8 and 16 (the most); then the rate falls instead.
    for run in (fitted, trained):
        stream = Stream(FLAT, 4)
        growth = GrowBatchOnPlateau(16, factor=2, stream=stream, monitor="loss", patience=1)
        recorder = run(growth, 6, 4, **({"stream": stream} if run is fitted else {}))
        assert recorder.batches == [16, 16, 8, 4, 4, 4]
        assert recorder.rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05, 0.025])


def test_the_rate_does_what_the_maximum_leaves_of_the_factor():
    # ×5 from 16 would be 80: 32 are allowed, and the rate falls by 32/80.
    recorder = trained(GrowBatchOnPlateau(32, factor=5, monitor="loss", patience=1), 3)
    assert recorder.batches == [4, 4, 2]
    growth = GrowBatchOnPlateau(32, factor=5, monitor="loss", patience=1)
    assert trained(growth, 4).rates == pytest.approx([0.1, 0.1, 0.1 * 32 / 80, 0.1 * 32 / 80 / 5])


def test_the_batch_is_at_most_all_examples():
    assert trained(GrowBatchOnPlateau(monitor="loss", patience=1), 3).batches == [4, 4, 1]


def test_the_batch_can_be_split_into_micro_batches():
    # ×1.5 from 16 would be 24, and ×2.5 would be 40: of these only 16 and 32 can be accumulated from pieces of 16.
    growth = GrowBatchOnPlateau(factor=1.5, monitor="loss", patience=1)
    assert trained(growth, 3, micro_batch=16).batches == [4, 4, 4]
    growth = GrowBatchOnPlateau(factor=2.5, monitor="loss", patience=1)
    assert trained(growth, 3, micro_batch=16).batches == [4, 4, 2]


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_no_example_is_lost_while_the_batch_of_plain_fit_grows():
    stream = Stream((np.arange(64.0)[:, None], FLAT[1]), 4)
    growth = GrowBatchOnPlateau(16, factor=2, stream=stream, monitor="loss", patience=1, min_delta=1e9)
    fitted(growth, 4, stream=stream)
    assert stream.examples_seen == 4 * 64


@pytest.mark.parametrize(
    "make",
    [
        lambda: DecayOnPlateau(0.5, monitor="loss", patience=2, min_delta=1e9),
        lambda: GrowBatchOnPlateau(16, 2, monitor="loss", patience=2, min_delta=1e9),
    ],
)
def test_a_run_that_crashed_is_resumed_bit_for_bit(make, tmp_path):
    inputs = np.random.default_rng(0).normal(size=(64, 1)).astype("float32")

    def run(workdir, crash):
        made = tt.Trainer(flat_model(), "momentum", 0.01, 4, "mean_squared_error")
        stream = Stream((inputs, 2 * inputs), seed=1)
        made.fit(stream, 9, callbacks=[make(), Crash(epoch=crash)], workdir=workdir, verbose=0)
        return made

    whole = run(tmp_path / "whole", None)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path / "resumed", 5)
    resumed = run(tmp_path / "resumed", None)
    assert resumed.run.progress == whole.run.progress
    assert (whole.run.progress.batch_size, whole.run.progress.learning_rate_factor) != (None, 1.0)
    for one, other in zip(whole.model.weights, resumed.model.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DecayOnPlateau(factor=0), "factor must be a number above 0 and below 1, not 0"),
        (lambda: DecayOnPlateau(factor=2.0), "factor must be a number above 0 and below 1, not 2.0"),
        (lambda: DecayOnPlateau(minimum=-1), "minimum must be a number at least 0"),
        (lambda: DecayOnPlateau(patience=0), "patience must be an integer at least 1"),
        (lambda: DecayOnPlateau(mode="up"), "mode must be 'auto', 'min' or 'max', not 'up'"),
        (lambda: DecayOnPlateau(cooldown=-1), "cooldown must be an integer at least 0"),
        (lambda: GrowBatchOnPlateau(factor=1), "factor must be a number above 1"),
        (lambda: GrowBatchOnPlateau(maximum=0.5), "maximum must be an integer at least 1"),
    ],
)
def test_arguments_out_of_range(make, message):
    with pytest.raises(RequestError, match=message):
        make()


@pytest.mark.parametrize("make", [DecayOnPlateau, lambda: GrowBatchOnPlateau(stream=Stream(FLAT))])
def test_an_optimizer_with_a_schedule_of_its_own_is_refused(make):
    model = flat_model()
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5)), "mse", jit_compile=False)
    with pytest.raises(RequestError, match="the optimizer was made with a schedule of its own: make it with a number"):
        model.fit(*FLAT, callbacks=[make()], verbose=0)


def test_plain_fit_needs_a_stream():
    with pytest.raises(RequestError, match=r"grows the batch of a tt\.data\.Stream in plain fit: .* stream=\.\.\."):
        fitted(GrowBatchOnPlateau(), 1)


def test_a_maximum_below_the_first_batch_is_refused():
    with pytest.raises(RequestError, match="maximum=8 is below the batch of 16"):
        trained(GrowBatchOnPlateau(8), 1)

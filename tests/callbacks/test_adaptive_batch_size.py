"""The batch size that follows a noise scale, in plain fit and in the trainer."""

import json

import keras
import numpy as np
import pytest
from support.runs import assert_resumes_exactly, compiled, data, run, trainer

from tf_tricks.callbacks.adaptive_batch_size import AdaptiveBatchSize
from tf_tricks.callbacks.noise_scale import NoiseScale
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError


class Scripted(NoiseScale):
    """Has measured what the test says, epoch by epoch."""

    def __init__(self, script):
        super().__init__(batch_size=1)
        self.script, self.epoch = script, 0

    def on_train_begin(self, logs=None):
        pass

    def on_epoch_end(self, epoch, logs=None):
        self.epoch = epoch

    @property
    def measured(self):
        return self.script[self.epoch]


SCRIPT, SIZES = [10.0, 30.0, 3.0, 1e9], [4, 8, 32, 4]


@pytest.mark.parametrize(
    ("noise_scale", "size"),
    [(0.0, 6), (8.4, 6), (8.5, 12), (16.9, 12), (17.0, 24), (100.0, 96), (1e9, 96), (float("inf"), 96)],
)
def test_the_size_is_the_nearest_power_of_two_times_the_minimum(noise_scale, size):
    assert AdaptiveBatchSize(6, 100).batch_size_for(noise_scale) == size


def test_the_factor_counts_in_noise_scales():
    assert AdaptiveBatchSize(8, 64, factor=0.5).batch_size_for(64.0) == 32


def test_one_size_only():
    assert AdaptiveBatchSize(7, 13).batch_size_for(1e9) == 7


def test_the_trainer_follows(tmp_path):
    run(trainer(), [AdaptiveBatchSize(4, 32, noise_scale=Scripted(SCRIPT))], tmp_path, log_every=1)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    sizes = {int(line["epoch"] - 1e-9): line["batch_size"] for line in lines if line["split"] == "train"}
    assert sizes == dict(enumerate(SIZES))


def test_fit_follows():
    stream, seen = Stream(data(), batch_size=4), []
    model = compiled()
    watch = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(stream.batch_size))
    adaptive = AdaptiveBatchSize(4, 32, stream=stream, noise_scale=Scripted(SCRIPT))
    model.fit(stream, epochs=4, shuffle=False, verbose=0, callbacks=[adaptive, watch])
    assert [seen.count(size) * size for size in (4, 8, 32)] == [2 * 64, 64, 64]
    assert (stream.examples_seen, stream.batch_size) == (4 * 64, 4)


def test_fit_measures_for_itself():
    stream = Stream(data(), batch_size=4)
    adaptive = AdaptiveBatchSize(4, 32, stream=stream, noise_scale={"num_batches": 8})
    history = compiled().fit(stream, epochs=3, shuffle=False, verbose=0, callbacks=[adaptive]).history
    assert adaptive.noise_scale.batch_size == 4
    assert len(history["noise_scale_measured"]) == 3


@pytest.mark.slow
def test_a_broken_run_is_resumed_exactly(tmp_path):
    crashes = ({"step": 10}, {"epoch": 1})
    assert_resumes_exactly(trainer, lambda: [AdaptiveBatchSize(4, 32, factor=2.0)], tmp_path, crashes)


def test_a_second_run_begins_anew():
    adaptive = AdaptiveBatchSize(4, 32, noise_scale=Scripted([1e9, 1e9]))
    made = trainer()
    for _ in range(2):
        run(made, [adaptive], epochs=2)
        assert made.run.progress.step == 16 + 2


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((4, 128), {}, "a batch of 128 is larger than the training set of 64 examples"),
        ((4, 32), {"micro_batch": 12}, "is not a multiple of micro_batch=12"),
    ],
)
def test_sizes_that_cannot_be_trained_are_refused_at_once(arguments, settings, message):
    with pytest.raises(RequestError, match=message):
        run(trainer(**settings), [AdaptiveBatchSize(*arguments)])


def test_fit_needs_a_stream():
    with pytest.raises(RequestError, match="give it stream="):
        compiled().fit(*data(), callbacks=[AdaptiveBatchSize(4, 8)], verbose=0)


def test_fit_needs_a_stream_that_begins_with_the_minimum():
    stream = Stream(data(), batch_size=16)
    with pytest.raises(RequestError, match="make the stream with batch_size=4, the minimum"):
        compiled().fit(stream, callbacks=[AdaptiveBatchSize(4, 8, stream=stream)], verbose=0)


@pytest.mark.parametrize("arguments", [(0, 4), (8, 4), (4, np.nan)])
def test_arguments_out_of_range(arguments):
    with pytest.raises(RequestError, match="must be an integer"):
        AdaptiveBatchSize(*arguments)

"""The rate of every batch in plain Keras."""

import keras
import numpy as np
import pytest

from tf_tricks import schedules
from tf_tricks.callbacks import BatchSizeIncrease, LearningRateDecay
from tf_tricks.data import Stream
from tf_tricks.errors import RequestError

DATA = np.zeros((8, 1), "float32"), np.zeros((8, 1), "float32")


class Rates(keras.callbacks.Callback):
    """Notes the rate of every batch."""

    def __init__(self):
        super().__init__()
        self.rates = []

    def on_train_batch_end(self, batch, logs=None):
        self.rates.append(float(self.model.optimizer.learning_rate.numpy()))


def rates(schedule, *data, callbacks=(), **arguments):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    recorder = Rates()
    model.fit(*data, epochs=2, callbacks=[LearningRateDecay(schedule), *callbacks, recorder], verbose=0, **arguments)
    return recorder.rates


def linear(epoch):
    return 1.0 + epoch


def test_a_batch_has_the_rate_of_its_middle():
    expected = [linear(epoch + (batch + 0.5) / 4) for epoch in (0, 1) for batch in range(4)]
    assert rates(linear, *DATA, batch_size=2) == pytest.approx(expected)


def test_steps_per_epoch():
    assert rates(linear, *DATA, batch_size=2, steps_per_epoch=2) == pytest.approx([1.25, 1.75, 2.25, 2.75])


def test_a_schedule_by_name():
    decay = {"name": "step_decay", "initial": 0.5, "epochs": [1], "factor": 0.1}
    assert rates(decay, *DATA, batch_size=4) == pytest.approx([0.5, 0.5, 0.05, 0.05])


def test_epochs_keep_their_meaning_while_the_batch_grows():
    stream = Stream(DATA, batch_size=2)
    growth = BatchSizeIncrease(schedules.grow(2, epochs=(1,), factor=2), stream)
    assert rates(linear, stream, callbacks=[growth]) == pytest.approx([1.125, 1.375, 1.625, 1.875, 2.25, 2.75])


def test_an_optimizer_with_a_schedule_of_its_own_is_refused():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 5)), "mse", jit_compile=False)
    with pytest.raises(RequestError, match="the optimizer was made with a schedule of its own"):
        model.fit(*DATA, callbacks=[LearningRateDecay(0.1)], verbose=0)


def test_data_of_unknown_length_are_refused():
    import tensorflow as tf

    data = tf.data.Dataset.from_generator(lambda: iter([DATA] * 3), output_types=("float32", "float32"))
    with pytest.raises(RequestError, match=r"needs the number of batches of an epoch.*: give fit steps_per_epoch"):
        rates(linear, data)


def test_several_steps_an_execution_are_refused():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", steps_per_execution=4, jit_compile=False)
    with pytest.raises(RequestError, match="with steps_per_execution=4: compile"):
        model.fit(*DATA, batch_size=2, callbacks=[LearningRateDecay(linear)], verbose=0)

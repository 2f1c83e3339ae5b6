"""The batches that plain Keras sees while the batch grows."""

import itertools

import keras
import numpy as np
import tensorflow as tf

from tf_tricks import schedules
from tf_tricks.callbacks import BatchSizeIncrease
from tf_tricks.data import Stream


class Seen(keras.Model):
    """Notes the inputs of every training step."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.batches = []

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        self.batches.append(data[0].numpy()[:, 0].astype(int).tolist())
        return super().train_step(data)


def batches(schedule, epochs, num_examples=12):
    """The examples, by number, of all batches of a run."""
    numbers = np.arange(num_examples, dtype="float32")[:, None]
    stream = Stream((numbers, numbers), batch_size=int(schedule(0.0)), seed=3)
    model = Seen()
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(stream, epochs=epochs, callbacks=[BatchSizeIncrease(schedule, stream)], shuffle=False, verbose=0)
    return model.batches, stream


def flat(found):
    return list(itertools.chain(*found))


def test_batches_grow_from_epoch_to_epoch():
    found, _ = batches(schedules.grow(2, epochs=(1, 2), factor=2), 3)
    assert [len(batch) for batch in found] == [2] * 6 + [4] * 3 + [8] * 2


def test_every_example_comes_once_an_epoch():
    found, _ = batches(schedules.grow(2, epochs=(1,), factor=3), 3)
    assert sorted(flat(found)) == sorted(3 * list(range(12)))


def test_examples_come_in_the_streams_order():
    found, stream = batches(schedules.grow(2, epochs=(1, 2), factor=2), 3)
    seen = flat(found)
    expected, _ = stream.fetch(tf.range(len(seen), dtype=tf.int64))
    assert seen == expected.numpy()[:, 0].astype(int).tolist()


def test_batches_that_do_not_divide_the_epoch_lose_no_example():
    found, stream = batches(schedules.constant(5), 6, num_examples=12)  # two batches in each of Keras's epochs
    assert flat(found) == stream.fetch(tf.range(60, dtype=tf.int64))[0].numpy()[:, 0].astype(int).tolist()


def test_a_second_fit_goes_on_where_the_first_ended():
    numbers = np.arange(12, dtype="float32")[:, None]
    stream = Stream((numbers, numbers), batch_size=4, seed=3)
    model = Seen()
    model.compile("sgd", "mse", run_eagerly=True)
    for _ in range(2):
        model.fit(stream, shuffle=False, verbose=0)
    expected, _ = stream.fetch(tf.range(24, dtype=tf.int64))
    assert flat(model.batches) == expected.numpy()[:, 0].astype(int).tolist()

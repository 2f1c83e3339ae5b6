"""Runs of one order see the examples alike, whichever weights they begin with."""

import keras
import numpy as np

from tf_tricks.labs.bench.runs import Runs


def weights_after(order, seed=0):
    inputs = np.linspace(-1, 1, 8, dtype="float32")[:, None]

    def build():
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])

    runs = Runs(build, loss="mean_squared_error", optimizer="sgd", learning_rate=0.1, batch_size=2)
    runs.train((inputs, np.exp(inputs)), 1, seed, order=order)
    return np.concatenate([weight.ravel() for weight in runs.trainer.model.get_weights()]).tolist()


def test_the_order_is_that_of_the_seed_unless_it_is_given():
    assert weights_after(order=None, seed=3) == weights_after(order=3)


def test_seeds_share_an_order_and_orders_differ():
    assert weights_after(order=5, seed=1) == weights_after(order=5, seed=2) != weights_after(order=6, seed=1)

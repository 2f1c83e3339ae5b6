"""Short runs of a linear model on 64 examples."""

import keras
import numpy as np
from support.problems import linear_data, linear_model

import tf_tricks as tt
from tf_tricks.data import Stream

SETTINGS = dict(optimizer="momentum", learning_rate=0.02, batch_size=16, loss="mean_squared_error")


def trainer(model=None, **settings):
    keras.utils.set_random_seed(0)
    return tt.Trainer(model or linear_model(), **(SETTINGS | settings))


def fit(made, epochs=2, **arguments):
    """The history of a run over 64 examples."""
    return made.fit(Stream(linear_data(), seed=1), epochs, verbose=0, **arguments).history


def weights(made):
    return [v.numpy() for v in made.model.weights]


def assert_same(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, other)

"""A small model and data, and a call of the trainer, for tests of what it takes and refuses."""

import keras
import numpy as np

import tf_tricks as tt

RNG = np.random.RandomState(0)
X = RNG.randn(32, 6).astype("float32")
CLASSES = RNG.randint(0, 3, 32)
REAL = RNG.randn(32, 1).astype("float32")


def dense(outputs=3, activation=None, inputs=6):
    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs, activation=activation)])


def fit(model, data, callbacks=(), fit_arguments=(), **arguments):
    trainer = tt.Trainer(model, batch_size=8, **arguments)
    return trainer.fit(data, callbacks=callbacks, verbose=0, **{"epochs": 1} | dict(fit_arguments))

"""Trains a network of two inputs and two outputs with weights on four devices; kills itself where it is told to.

Arguments: the workdir; the update after which the process is killed, or 0 for none.
"""

import os
import signal
import sys

import keras
import numpy as np
import tensorflow as tf

import tf_tricks as tt
from tf_tricks import schedules

REPLICAS = 4


class Kill(keras.callbacks.Callback):
    """Ends the process as the system does: without a word, in the middle of things."""

    every_step = True

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def data():
    random = np.random.default_rng(0)
    inputs = {"a": random.normal(size=(96, 5)).astype("float32"), "b": random.integers(0, 9, (96, 4))}
    labels = {"u": random.integers(0, 3, 96), "v": random.normal(size=(96, 1)).astype("float32")}
    return inputs, labels, {"u": random.uniform(0, 2, 96), "v": random.uniform(0, 2, 96)}


def model():
    a, b = keras.Input((5,), name="a"), keras.Input((4,), dtype="int32", name="b")
    tokens = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4, mask_zero=True)(b))
    hidden = keras.layers.Concatenate()([keras.layers.Dense(8, "tanh")(a), tokens])
    hidden = keras.layers.Dropout(0.3)(keras.layers.BatchNormalization()(hidden))
    outputs = {"u": keras.layers.Dense(3, name="u")(hidden), "v": keras.layers.Dense(1, name="v")(hidden)}
    return keras.Model({"a": a, "b": b}, outputs)


def main(workdir, kill_after):
    cpus = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * REPLICAS)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(REPLICAS)])
    keras.utils.set_random_seed(0)
    with strategy.scope():
        trainer = tt.Trainer(
            model(),
            "momentum",
            learning_rate=0.05,
            batch_size=schedules.grow(8, epochs=(2,), factor=2),
            loss={"u": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "v": "mse"},
            loss_weights={"u": 1.0, "v": 0.5},
            weighted_metrics={"u": ["accuracy"], "v": ["mae"]},
            micro_batch=8,
            strategy=strategy,
        )
    trainer.fit(
        data(),
        4,
        validation=data(),
        callbacks=[Kill(kill_after)],
        workdir=workdir,
        verbose=0,
        log_every=3,
        checkpoint_minutes=1e-6,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

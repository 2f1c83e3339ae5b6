"""Weights, several inputs and outputs, micro-batches and replicas: killed and resumed is never touched, bit for bit."""

import json
import os
import signal

import keras
import numpy as np
import pytest
from support.forked import Forked

import tf_tricks as tt
from tf_tricks import schedules
from tf_tricks.training import checkpoint


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


def train(workdir, kill_after):
    strategy = tt.strategy("cpu", replicas=4)
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


def run(workdir, kill_after=0):
    process = Forked(train, (workdir, kill_after), workdir.with_suffix(".txt"))
    printed = process.join()
    assert process.status == (-signal.SIGKILL if kill_after else 0), printed


def lines(workdir):
    """The lines of metrics.jsonl without what depends on the clock."""
    found = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("wall_time", "examples_per_second")} for line in found]


@pytest.mark.slow
def test_killed_twice_and_resumed(tmp_path):
    run(tmp_path / "untouched")
    for kill_after in (5, 29):  # in the first epoch, and after the batch has grown
        run(tmp_path / "killed", kill_after)
    run(tmp_path / "killed")
    assert lines(tmp_path / "killed") == lines(tmp_path / "untouched")
    assert {"u_loss", "v_loss", "u_accuracy", "v_mae"} <= lines(tmp_path / "killed")[-1].keys()
    arrays, values = checkpoint.load_newest(tmp_path / "killed" / "checkpoints")
    others, other_values = checkpoint.load_newest(tmp_path / "untouched" / "checkpoints")
    assert values["progress"] == other_values["progress"]
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)

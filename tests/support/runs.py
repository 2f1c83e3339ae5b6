"""Runs that several tests of callbacks make, break off and resume."""

import keras
import numpy as np
from support.crash import Crash

import tf_tricks as tt
from tf_tricks.data import Stream


def data(num_examples=64):
    """Inputs [n, 4] and noisy labels [n, 1]."""
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(num_examples, 4)).astype("float32")
    return inputs, (inputs @ [[1.0], [-2.0], [0.5], [0.0]] + rng.normal(size=(num_examples, 1))).astype("float32")


def network():
    """Dense, batch norm, dropout, dense."""
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, name="body"),
            keras.layers.BatchNormalization(momentum=0.8, name="norm"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(1, name="head"),
        ]
    )


def compiled(model=None, optimizer=None):
    """A network for plain fit."""
    keras.utils.set_random_seed(0)
    model = model or network()
    model.compile(optimizer or keras.optimizers.SGD(0.05, momentum=0.9), "mean_squared_error", jit_compile=False)
    return model


def trainer(model=None, **settings):
    """A trainer for the same."""
    keras.utils.set_random_seed(0)
    defaults = dict(optimizer="momentum", learning_rate=0.01, batch_size=16, loss="mean_squared_error")
    return tt.Trainer(model or network(), **(defaults | settings))


def run(made, callbacks, workdir=None, epochs=4, num_examples=64, **arguments):
    """Runs the trainer; returns the history."""
    stream = Stream(data(num_examples), seed=1)
    arguments = dict(validation=data(10), verbose=0, log_every=3) | arguments
    return made.fit(stream, epochs, callbacks=callbacks, workdir=workdir, **arguments).history


def values(model):
    """All variables of a model and of its optimizer."""
    return [np.array(v) for v in [*model.variables, *model.optimizer.variables]]


def assert_same(ones, others):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_resumes_exactly(make_trainer, make_callbacks, tmp_path, crashes=({"epoch": 1}, {"step": 10}), **arguments):
    """A run that crashes several times and is resumed is the run that was never touched, bit for bit."""
    whole = make_trainer()
    history = run(whole, [*make_callbacks(), Crash()], tmp_path / "whole", **arguments)
    for where in crashes:
        try:
            run(
                make_trainer(),
                [*make_callbacks(), Crash(**where)],
                tmp_path / "broken",
                checkpoint_minutes=1e-9,  # after each call of the compiled loop
                **arguments,
            )
        except ZeroDivisionError:
            continue
        raise AssertionError("the run did not crash")
    resumed = make_trainer()
    assert run(resumed, [*make_callbacks(), Crash()], tmp_path / "broken", **arguments) == history
    assert_same(values(resumed.model), values(whole.model))

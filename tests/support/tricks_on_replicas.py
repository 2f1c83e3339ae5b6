"""Trains every trick of a package on two replicas."""

import tempfile
import traceback

import numpy as np
import tensorflow as tf
from support import examples

import tf_tricks as tt
from tf_tricks.data import Stream
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.tensorflow.passes import Passes
from tf_tricks.training.compiled import compile_model


def compiled(strategy, model, loss):
    with strategy.scope():
        return compile_model(model, None, loss)


def trained(package, name, strategy):
    """Returns the weights after two epochs."""
    with strategy.scope():
        model = examples.model(package, name)
        optimizer = examples.optimizer(package, name)
    settings = dict(learning_rate=examples.learning_rate(package, name), batch_size=examples.BATCH)
    trainer = tt.Trainer(model, optimizer, loss=examples.loss(package, name), strategy=strategy, **settings)
    chosen = [examples.make(package, name)] if package == "callbacks" else []
    with tempfile.TemporaryDirectory() as workdir:
        trainer.fit(Stream(examples.data(), seed=3), 2, callbacks=chosen, workdir=workdir, verbose=0)
    return {"weights": model.get_weights()}


def masked(package, name, strategy):
    """Returns what each replica's model gives for the same inputs in training, and what it gives without."""
    with strategy.scope():
        model = examples.model(package, name)
    passes = Passes(Objective(model, compiled(strategy, model, examples.loss(package, name))))
    images, labels = (tf.constant(part) for part in examples.data(16))

    @tf.function(autograph=False)
    def run(position):
        def replica():
            number = tf.distribute.get_replica_context().replica_id_in_sync_group
            return passes((images, labels), position + tf.cast(number, tf.int64) * len(images)).outputs

        return strategy.run(replica)

    passes = [strategy.experimental_local_results(run(tf.constant(i * 1000, tf.int64))) for i in range(64)]
    return {"replicas": [np.concatenate([np.asarray(p) for p in outputs]) for outputs in zip(*passes)]}


def train(packages):
    """Returns for every (package, name) its "weights", or what "replicas" drew; an error is its text under "error"."""
    strategy = tt.strategy("cpu", replicas=2)
    return {case: _outcome(*case, strategy) for case in examples.CASES if case[0] in packages}


def _outcome(package, name, strategy):
    try:
        random = package == "layers" and examples.is_random(examples.model(package, name))
        return (masked if random else trained)(package, name, strategy)
    except Exception:
        return {"error": traceback.format_exc()}

"""Runs in float16 on 2 replicas, one of which overflows."""

import keras
import numpy as np
import tensorflow as tf
from support.problems import linear_model

import tf_tricks as tt
from tf_tricks.data import Stream
from tf_tricks.engines.loss_scale import LossScale
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.engines.tensorflow.passes import Passes
from tf_tricks.engines.update import Update
from tf_tricks.training.compiled import compile_model


class InOrder(Stream):
    """A stream that does not shuffle."""

    def fetch(self, positions):
        return self.source.fetch(positions, positions)


def compiled(strategy, model, loss):
    with strategy.scope():
        return compile_model(model, None, loss)


def replicas_of(strategy, model):
    """The weights of each replica."""
    return [[np.asarray(w).tolist() for w in strategy.experimental_local_results(v.value)] for v in model.weights]


def overflow():
    """Only the last example is huge: it lies in the second replica's half of the first batch."""
    strategy = tt.strategy("cpu", replicas=2)
    keras.config.set_dtype_policy("mixed_float16")
    inputs = np.ones((12, 3), "float32")
    inputs[3] = 3e4
    with strategy.scope():
        model = linear_model()
        update = Update(keras.optimizers.SGD(), model.trainable_variables)
        scale = LossScale(initial=2.0**10, growth_steps=2)
    loop = Loop(
        strategy, Objective(model, compiled(strategy, model, keras.losses.MeanSquaredError())), update, loss_scale=scale
    )
    model.layers[-1].kernel.assign(np.full((3, 1), 0.1))
    loop.start(InOrder((inputs, np.zeros((12, 1), "float32"))), 4, 0)
    history = [dict(weights=replicas_of(strategy, model), scale=float(scale.scale.numpy()))]
    for _ in range(3):
        losses, _ = loop.run([0.01])
        history.append(
            dict(weights=replicas_of(strategy, model), scale=float(scale.scale.numpy()), loss=float(losses[0]))
        )
    return history


def masks():
    """The outputs of a model that only drops out, for the examples of one step on each replica."""
    strategy = tt.strategy("cpu", replicas=2)
    with strategy.scope():
        model = keras.Sequential([keras.Input((1000,)), keras.layers.Dropout(0.5)])
    passes = Passes(Objective(model, compiled(strategy, model, keras.losses.MeanSquaredError())))
    stream = Stream((np.ones((8, 1000), "float32"), np.ones((8, 1000), "float32")))
    batches = iter(strategy.distribute_datasets_from_function(lambda context: stream.dataset(4, batches_a_shard=2)))

    @tf.function
    def step(batch):
        return strategy.run(lambda examples, k: passes(examples, k, 2).outputs, args=batch)

    outputs = strategy.experimental_local_results(step(next(batches)))
    return [(np.asarray(o) > 0).astype(int).tolist() for o in outputs]

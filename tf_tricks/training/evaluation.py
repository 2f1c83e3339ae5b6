"""Loss and metrics over a whole data set, every example counted exactly once."""

import math

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.errors import check_number
from tf_tricks.training.batches import iterate, next_batch
from tf_tricks.training.objective import per_example, seed_states, seeds_at


class Evaluation:
    """Evaluates a model on all replicas, in one compiled loop with static shapes.

    Layers that draw at inference too, such as Monte-Carlo dropout, draw as a function of the place in the data, so that
    an evaluation can be repeated.

    The last batch is filled up with examples of weight 0, so that an uneven end costs no second trace and counts
    nothing twice.

    Args:
        strategy: a `tf.distribute.Strategy`.
        model: a `keras.Model`.
        loss: a `keras.losses.Loss`.
        metrics: Keras metrics; they are reset.
        batch_size: examples a step over all replicas; rounded up to a multiple of the replicas.
    """

    def __init__(self, strategy, model, loss, metrics=(), batch_size=512):
        check_number("evaluation_batch_size", batch_size, minimum=1, integer=True)
        self.strategy = strategy
        self.model = model
        self.loss = loss
        self.metrics = list(metrics)
        self.replica_batch_size = math.ceil(batch_size / strategy.num_replicas_in_sync)
        self._seed_states = seed_states(model)
        self._run = tf.function(self._all, autograph=False)

    def __call__(self, source):
        """Returns a dict of `loss` (with the layers' penalties on weights) and each metric, over all of `source`."""
        for metric in self.metrics:
            metric.reset_state()
        replicas = self.strategy.num_replicas_in_sync
        size = self.replica_batch_size
        steps = math.ceil(source.num_examples / (size * replicas))

        def shard(context):
            dataset = _dataset(source, size, steps * replicas)
            return dataset.shard(context.num_input_pipelines, context.input_pipeline_id)

        sums = self._run(iterate(self.strategy, shard), tf.constant(steps)).numpy()
        self.model._clear_losses()  # those of activities belong to the trace; those of weights are computed anew
        penalties = sum(float(p) for p in self.model.losses)
        loss = float(np.sum(sums, dtype=np.float64)) / source.num_examples + penalties
        return {"loss": loss} | {metric.name: float(metric.result()) for metric in self.metrics}

    def _all(self, iterator, steps):
        def one(i, sums):
            loss_sum = self.strategy.run(self._replica, args=next_batch(self.strategy, iterator))
            return i + 1, sums.write(i, self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss_sum, axis=None))

        start = (0, tf.TensorArray(tf.float32, steps))
        _, sums = tf.while_loop(lambda i, _: i < steps, one, start, parallel_iterations=1)
        return sums.stack()

    def _replica(self, inputs, labels, weights, position):
        with keras.StatelessScope(state_mapping=seeds_at(self._seed_states, position)):
            outputs = self.model(inputs, training=False)
        for metric in self.metrics:
            metric.update_state(labels, outputs, sample_weight=weights)
        return tf.reduce_sum(per_example(self.loss, labels, outputs) * weights)


def _dataset(source, batch_size, number):
    def batch(i):
        indices = i * batch_size + tf.range(batch_size, dtype=tf.int64)
        inputs, labels = source.fetch(tf.minimum(indices, source.num_examples - 1), indices)
        return inputs, labels, tf.cast(indices < source.num_examples, tf.float32), indices[0]

    options = tf.data.Options()
    options.autotune.enabled = False  # nothing to tune; its thread can hold up the end of an iterator for minutes
    return tf.data.Dataset.range(number).map(batch, num_parallel_calls=2).prefetch(2).with_options(options)

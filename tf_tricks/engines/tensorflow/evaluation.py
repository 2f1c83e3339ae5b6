"""Loss and metrics over a whole data set, every example counted exactly once."""

import contextlib
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Forward
from tf_tricks.data import Source
from tf_tricks.engines.objective import changed, compute, stateless
from tf_tricks.engines.results import results
from tf_tricks.engines.shares import Shares
from tf_tricks.engines.tensorflow.batches import iterate, next_batch
from tf_tricks.engines.tensorflow.device_errors import told
from tf_tricks.seeds import seed_states


class Evaluation:
    """Evaluates a model batch by batch, as `keras.Model.evaluate` does, in one compiled loop.

    The batches are split over the replicas. What remains at the end is one smaller batch, which every replica computes
    whole and the first counts, so that its loss and its metrics are what one device has.

    Layers that draw at inference too, such as Monte-Carlo dropout, draw as a function of the place in the data, so that
    an evaluation can be repeated.

    Args:
        strategy: a `tf.distribute.Strategy`.
        model: a `keras.Model` that `compile_model` has compiled, its metrics built.
        shares: what `compile_model` has returned.
        batch_size: examples a step over all replicas; rounded up to a multiple of the replicas.
        forward: function (inputs, training) that gives the model's outputs in another way; None calls the model.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        model: keras.Model,
        shares: Shares,
        batch_size: int,
        forward: Forward | None = None,
    ):
        self.strategy = strategy
        self.num_replicas = strategy.num_replicas_in_sync
        self.model = model
        self.shares = shares
        self.forward = forward
        self.replica_batch_size = math.ceil(batch_size / self.num_replicas)
        self._datasets: dict[int, tuple[Source, int, tf.data.Dataset]] = {}
        self._run_whole = tf.function(self._whole_batches, autograph=False)
        self._run_rest = tf.function(self._rest, autograph=False)

    def __call__(self, source: Source) -> dict[str, Any]:
        """Returns a dict of `loss` and each metric over all of `source`; the state of the metrics stays as it was."""
        at_once = self.replica_batch_size * self.num_replicas
        steps, rest = divmod(source.num_examples, at_once)
        kept = [np.asarray(v) for v in self.model.metrics_variables]
        self.model.reset_metrics()
        try:
            with told("evaluation", at_once, "evaluation_batch_size", source):
                total = self._losses(source, steps, rest)
            return results(self.model) | {"loss": total / source.num_examples}
        finally:
            for variable, value in zip(self.model.metrics_variables, kept):
                variable.assign(value)
            self.model._clear_losses()  # those of activities belong to the trace

    def _losses(self, source, steps, rest):
        """The sum of the batches' losses, each times its examples."""
        total, at_once = 0.0, self.replica_batch_size * self.num_replicas
        if steps:

            def shard(context):
                dataset = self._dataset(source, steps * self.num_replicas)
                return dataset.shard(context.num_input_pipelines, context.input_pipeline_id)

            losses = self._run_whole(iterate(self.strategy, shard), tf.constant(steps)).numpy()
            total += at_once * float(np.sum(losses, dtype=np.float64))
        if rest:
            positions = steps * at_once + tf.range(rest, dtype=tf.int64)
            total += rest * float(self._run_rest(source.fetch(positions, positions), positions[0]))
        return total

    def _dataset(self, source, number):
        """The data set that was made for this source before: it is the same after each epoch."""
        kept_source, kept_number, dataset = self._datasets.get(id(source), (None, 0, None))
        if kept_source is not source or kept_number != number:
            dataset = _dataset(source, self.replica_batch_size, number)
            self._datasets = {id(source): (source, number, dataset)}
        return dataset

    def _whole_batches(self, iterator, steps):
        def replica(examples, position):
            share = self.shares.part(self.num_replicas, 1.0, self._divisors(examples, position))
            return self._batch(examples, position, share, lambda new, old: new)

        def one(i, losses):
            loss = self.strategy.run(replica, args=next_batch(self.strategy, iterator))
            return i + 1, losses.write(i, self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None))

        start = (0, tf.TensorArray(tf.float32, steps))
        _, losses = tf.while_loop(lambda i, _: i < steps, one, start, parallel_iterations=1)
        return losses.stack()

    def _rest(self, examples, position):
        def replica(examples, position):
            share = self.shares.part(self.num_replicas, 1.0 / self.num_replicas)
            context = tf.distribute.get_replica_context()
            first = self.num_replicas == 1 or tf.equal(context.replica_id_in_sync_group, 0)
            counted = (lambda new, old: new) if first is True else (lambda new, old: tf.where(first, new, old))
            return self._batch(examples, position, share, counted)

        loss = self.strategy.run(replica, args=(examples, position))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, loss, axis=None)

    def _batch(self, examples, position, share, counted):
        """One batch on a replica: its part of the loss; the metrics get what `counted` makes of new and old values."""
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
        scope = stateless(self.model, seed_states(self.model), position)
        with scope, share if self.num_replicas > 1 else contextlib.nullcontext():
            loss, outputs = compute(self.model, inputs, labels, weights, False, self.forward)
            self.model.compute_metrics(inputs, labels, outputs, sample_weight=weights)
        for variable, value in zip(*changed(scope, self.model.metrics_variables)):
            variable.assign(counted(value, variable.value))
        if self.num_replicas == 1:
            for variable, value in zip(*changed(scope, self.model.non_trainable_weights)):
                variable.assign(value)  # the states of recurrent layers
        return tf.cast(loss, tf.float32)

    def _divisors(self, examples, position):
        if self.num_replicas == 1 or not self.shares.depend_on_data:
            return None
        inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
        with stateless(self.model, seed_states(self.model), position), self.shares.measured() as found:
            compute(self.model, inputs, labels, weights, False, self.forward)
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tf.stack(found))


def _dataset(source, batch_size, number):
    def batch(i):
        indices = i * batch_size + tf.range(batch_size, dtype=tf.int64)
        return source.fetch(indices, indices), indices[0]

    options = tf.data.Options()
    options.autotune.enabled = False  # nothing to tune; its thread can hold up the end of an iterator for minutes
    return tf.data.Dataset.range(number).map(batch, num_parallel_calls=2).prefetch(2).with_options(options)

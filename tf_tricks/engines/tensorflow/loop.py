"""The compiled training loop: many updates for each call from the host, one trace for each batch size."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tf_tricks.annotations import Tensor
from tf_tricks.data import Stream
from tf_tricks.engines.loss_scale import LossScale
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.tensorflow.batches import iterate, next_batch
from tf_tricks.engines.tensorflow.passes import Passes
from tf_tricks.engines.update import Update
from tf_tricks.optimizers.traits import needs_two_gradients


class Loop:
    """Runs updates on all replicas, many for each call from Python.

    Args:
        strategy: a `tf.distribute.Strategy`.
        objective: `Objective`, loss and gradient of one replica's examples.
        update: `Update`, what is done with the summed gradient.
        micro_batch: examples that are in the devices' memory at once, over all replicas; None for the whole batch.
        loss_scale: `LossScale` for float16, or None.
        jit_compile: whether XLA compiles the forward and backward pass.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        objective: Objective,
        update: Update,
        micro_batch: int | None = None,
        loss_scale: LossScale | None = None,
        jit_compile: bool = False,
    ):
        self.strategy = strategy
        self.num_replicas = strategy.num_replicas_in_sync
        self.objective = objective
        self.passes = Passes(objective, jit_compile)
        self.update = update
        self.micro_batch = micro_batch
        self.loss_scale = loss_scale
        self._functions: dict[int, Any] = {}
        self._accumulators = None

    def start(self, stream: Stream, batch_size: int, examples_seen: int) -> None:
        """Makes the loop read `stream` in batches of `batch_size` from position `examples_seen` on."""
        size = self._examples_at_once(batch_size) // self.num_replicas

        def shard(context):
            pipelines = context.num_input_pipelines
            return stream.dataset(
                size, examples_seen, pipelines, context.input_pipeline_id, self.num_replicas // pipelines
            )

        self._iterator = iterate(self.strategy, shard)
        if batch_size not in self._functions:
            self._functions[batch_size] = self._compile(batch_size)
            self._functions[batch_size].get_concrete_function()  # traced here: no step's time counts it
        self._function = self._functions[batch_size]

    def run(self, learning_rates: Sequence[float] | Tensor) -> tuple[Tensor, Tensor]:
        """Runs one update for each of `learning_rates`, float32 [n].

        Returns:
            losses, float32 [n], and the norms of gradient and weights at the last update, float32 [2], as NumPy arrays.
        """
        losses, norms = self._function(self._iterator, tf.constant(learning_rates, tf.float32))
        return losses.numpy(), norms.numpy()

    def _examples_at_once(self, batch_size):
        return batch_size if self.micro_batch is None else min(batch_size, self.micro_batch)

    def step_of(self, batch_size: int) -> Callable[[Any, Tensor], tuple[Tensor, Tensor]]:
        """Returns the function (iterator, log_norms) -> (loss, norms) that makes one update of `batch_size` examples.

        It takes as many elements of the iterator as there are micro-batches.
        """
        micro_batches = batch_size // self._examples_at_once(batch_size)
        if needs_two_gradients(self.update.optimizer):
            step = self._sharpness_aware_step
            self._make_accumulators()
        elif self.num_replicas * micro_batches > 1 and self.objective.shares.depend_on_data:
            step = self._divided_step
            self._make_accumulators()
        elif micro_batches == 1 and self.loss_scale is None:
            step = self._whole_batch_step
        else:
            step = self._micro_batches_step
            self._make_accumulators()
        return lambda iterator, log_norms: step(iterator, micro_batches, log_norms)

    def _compile(self, batch_size):
        step = self.step_of(batch_size)

        def updates(iterator, learning_rates):
            number = tf.size(learning_rates)

            def one(i, losses, norms):
                self.update.optimizer.learning_rate.assign(learning_rates[i])
                loss, norms = step(iterator, tf.equal(i, number - 1))
                return i + 1, losses.write(i, loss), norms

            start = (0, tf.TensorArray(tf.float32, number), tf.zeros([2]))
            _, losses, norms = tf.while_loop(lambda i, *_: i < number, one, start, parallel_iterations=1)
            return losses.stack(), norms

        # Any number of updates has the same trace.
        signature = [tf.type_spec_from_value(self._iterator), tf.TensorSpec([None], tf.float32)]
        return tf.function(updates, autograph=False, input_signature=signature)

    def _whole_batch_step(self, iterator, micro_batches, log_norms):
        """Forward, backward, sum over the replicas and update in one go."""

        def replica(examples, position, log_norms):
            outcome = self._pass(examples, position, micro_batches)
            loss, *gradients = self._sum([outcome.loss, *outcome.gradients])
            return loss + self.update.penalty(), self.update(gradients, log_norms)

        loss, norms = self.strategy.run(replica, args=(*next_batch(self.strategy, iterator), log_norms))
        return self._first(loss), self._first(norms)

    def _micro_batches_step(self, iterator, micro_batches, log_norms):
        """Gradients pile up on each replica; they are summed over the replicas once, then applied."""

        def accumulate_next(i):
            self._accumulate(next_batch(self.strategy, iterator), micro_batches)
            return (i + 1,)

        self._clear_accumulators()
        tf.while_loop(lambda i: i < micro_batches, accumulate_next, (0,), parallel_iterations=1)
        loss, finite, gradients = self._reduce_accumulators()
        return self._first(loss), self._apply_if(finite, lambda: self._apply(gradients, log_norms))

    def _divided_step(self, iterator, micro_batches, log_norms):
        """The same, for losses whose divisors depend on masks or weights: these are summed over all passes first."""
        batches = [next_batch(self.strategy, iterator) for _ in range(micro_batches)]
        divisors = self._divisors(batches)
        self._clear_accumulators()
        for batch in batches:
            self._accumulate(batch, micro_batches, divisors=divisors)
        loss, finite, gradients = self._reduce_accumulators()
        return self._first(loss), self._apply_if(finite, lambda: self._apply(gradients, log_norms))

    def _divisors(self, batches):
        """Returns the sums of all passes' divisors, on each replica; None where a pass needs them not."""
        if not self.objective.shares.depend_on_data or self.num_replicas * len(batches) == 1:
            return None
        found = [
            self.strategy.run(lambda *batch: self._sum([self.objective.divisors(*batch)])[0], args=batch)
            for batch in batches
        ]
        return self.strategy.run(lambda *parts: tf.add_n(parts), args=tuple(found))

    def _sharpness_aware_step(self, iterator, micro_batches, log_norms):
        """Two passes over the same examples: to the gradient, up along it, and to the gradient there."""
        batches = [next_batch(self.strategy, iterator) for _ in range(micro_batches)]

        def ascend_and_apply():
            self.strategy.run(self.update.ascend, args=(gradients,))
            self._clear_accumulators()
            for batch in batches:
                self._accumulate(batch, micro_batches, first_pass=False, divisors=divisors)
            _, _, gradients_there = self._reduce_accumulators()
            return self._apply(gradients_there, log_norms)

        divisors = self._divisors(batches)
        self._clear_accumulators()
        for batch in batches:
            self._accumulate(batch, micro_batches, divisors=divisors)
        loss, finite, gradients = self._reduce_accumulators()
        return self._first(loss), self._apply_if(finite, ascend_and_apply)

    def _clear_accumulators(self):
        def clear():
            for accumulator in self._accumulators:
                accumulator.assign(tf.zeros_like(accumulator))

        self.strategy.run(clear)

    def _accumulate(self, batch, micro_batches, first_pass=True, divisors=None):
        def accumulate(examples, position, divisors=None):
            run = self._pass if first_pass else self._outcome
            outcome = run(examples, position, micro_batches, divisors)
            for accumulator, value in zip(self._accumulators, [outcome.loss, *outcome.gradients]):
                accumulator.assign_add(tf.cast(value, accumulator.dtype))

        self.strategy.run(accumulate, args=(*batch, *([] if divisors is None else [divisors])))

    def _reduce_accumulators(self):
        """Returns the loss with its penalty, whether all gradients are finite, and the gradients, on each replica."""

        def reduce():
            loss, *gradients = self._sum([a.read_value() for a in self._accumulators])
            if self.loss_scale is not None:
                gradients = [g / self.loss_scale.scale for g in gradients]
            # An infinity on any replica has come through the sum.
            finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])
            return loss + self.update.penalty(), finite, gradients

        return self.strategy.run(reduce)

    def _apply(self, gradients, log_norms):
        return self._first(self.strategy.run(self.update, args=(gradients, log_norms)))

    def _apply_if(self, finite, apply):
        """Returns the norms that `apply` gives; with a loss scale, skips it where a gradient has overflowed."""
        if self.loss_scale is None:
            return apply()
        finite = self._first(finite)
        norms = tf.cond(finite, apply, lambda: tf.zeros([2]))
        self.loss_scale.adapt(finite)
        return norms

    def _pass(self, examples, position, micro_batches, divisors=None):
        """One forward and backward pass on a replica; moving statistics and metrics are updated from it."""
        outcome = self._outcome(examples, position, micro_batches, divisors)
        # Statistics of each replica's own examples differ: their mean keeps the replicas' models the same.
        states = self._sum([self._part_of_mean(state) for state in outcome.states])
        for variable, value in zip(self.objective.changed_variables, states):
            variable.assign(tf.cast(value, variable.dtype))
        for variable, value in zip(self.objective.changed_metrics, outcome.metrics):
            variable.assign(value)
        return outcome

    def _part_of_mean(self, state):
        if self.num_replicas == 1:
            return state
        return (state if state.dtype.is_floating else tf.cast(state, tf.float32)) / self.num_replicas

    def _outcome(self, examples, position, micro_batches, divisors=None):
        scale = 1.0 if self.loss_scale is None else self.loss_scale.scale.value
        return self.passes(examples, position, self.num_replicas, micro_batches, scale, divisors)

    def _sum(self, tensors):
        if self.num_replicas == 1 or not tensors:
            return tensors
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, tensors)

    def _first(self, value):
        return self.strategy.experimental_local_results(value)[0]

    def _make_accumulators(self):
        if self._accumulators is not None:
            return
        variables = self.objective.trainable_variables
        with self.strategy.scope():
            self._accumulators = [
                tf.Variable(
                    tf.zeros(shape, dtype),
                    trainable=False,
                    synchronization=tf.VariableSynchronization.ON_READ,
                    aggregation=tf.VariableAggregation.SUM,
                )
                for shape, dtype in [((), "float32"), *[(v.shape, sum_dtype(v.dtype)) for v in variables]]
            ]


def sum_dtype(dtype: str) -> str:
    """Returns the dtype in which gradients of this dtype are added up: float16 would overflow."""
    return dtype if dtype == "float64" else "float32"

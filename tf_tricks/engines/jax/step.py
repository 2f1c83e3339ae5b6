"""One update as a pure function: passes over the micro-batches, the gradient's way to the weights, the loss scale."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.engines.jax.devices import DataParallel, device_kind
from tf_tricks.engines.jax.order import Turn
from tf_tricks.engines.jax.passes import Passes
from tf_tricks.engines.jax.variables import Variables
from tf_tricks.engines.loss_scale import LossScale
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.update import Update
from tf_tricks.optimizers.traits import needs_two_gradients

Take = Callable[[Any, Turn], Structure]
"""A function (number of a micro-batch, its place) -> its examples."""


class Step:
    """What one update does.

    Args:
        objective: `Objective`.
        update: `Update`.
        variables: `Variables`: the model's, the optimizer's, the metrics' and the loss scale's.
        strategy: `DataParallel`.
        micro_batch: examples that are in the devices' memory at once, or None for the whole batch.
        loss_scale: `LossScale` for float16, or None.
    """

    def __init__(
        self,
        objective: Objective,
        update: Update,
        variables: Variables,
        strategy: DataParallel,
        micro_batch: int | None = None,
        loss_scale: LossScale | None = None,
    ):
        self.objective = objective
        self.update = update
        self.variables = variables
        self.micro_batch = micro_batch
        self.loss_scale = loss_scale
        self.passes = Passes(objective, variables, strategy.kind)
        self._on_cpu = device_kind(strategy) == "CPU"
        self._loops = not self._on_cpu or not has_convolutions(objective.model)

    def at_once(self, batch_size: int) -> int:
        """Returns the examples of a micro-batch."""
        return batch_size if self.micro_batch is None else min(batch_size, self.micro_batch)

    def loops_are_fast(self, batch_size: int) -> bool:
        """Returns whether to compute updates within a compiled loop: on a CPU, XLA runs convolutions there slowly."""
        return self._loops

    def __call__(
        self, values: list[Tensor], take: Take, turns: Turn, learning_rate: Tensor, log_norms: Tensor
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """Returns the new values, the loss, and the norms of gradient and weights, float32 [2].

        Args:
            values: of the variables.
            take: gives the examples.
            turns: of the micro-batches, arrays [micro-batches].
            learning_rate: float32 scalar.
            log_norms: bool scalar; where it is False the norms are 0.
        """
        values = self._assigned(values, learning_rate)
        divisors = self._divisors(values, take, turns)
        loss, gradients, values = self._gradients(values, take, turns, divisors)
        loss = loss + self._penalty(values)
        if self.loss_scale is None:
            return self._weights(values, take, turns, divisors, gradients, log_norms, loss)
        finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in gradients]))
        values, loss, norms = jax.lax.cond(
            finite,
            lambda: self._weights(values, take, turns, divisors, gradients, log_norms, loss),
            lambda: (values, loss, jnp.zeros(2, "float32")),
        )
        with self.variables.scope(values) as scope:
            self.loss_scale.adapt(finite)
        return self.variables.after(scope), loss, norms

    def _assigned(self, values, learning_rate):
        with self.variables.scope(values) as scope:
            self.update.optimizer.learning_rate.assign(learning_rate)
        return self.variables.after(scope)

    def _penalty(self, values):
        with self.variables.scope(values):
            return self.update.penalty()

    def _weights(self, values, take, turns, divisors, gradients, log_norms, loss):
        """Has the optimizer move the weights; returns the values, the loss and the norms."""
        if needs_two_gradients(self.update.optimizer):
            with self.variables.scope(values) as scope:
                self.update.ascend(gradients)
            values = self.variables.after(scope)
            gradients = self._gradients(values, take, turns, divisors)[1]  # statistics stay those of the first pass
        with self.variables.scope(values) as scope:
            norms = self._moved(gradients, log_norms)
        return self.variables.after(scope), loss, norms

    def _moved(self, gradients, log_norms):
        """Applies the gradients; returns the norms."""
        if self._on_cpu:  # whose branches are free: a tenth of a small network's update is saved
            return self.update(gradients, log_norms)
        # A branch would need copies of all gradients and weights; without one the sums join the update's own loops.
        return jnp.where(log_norms, self.update(gradients, True), 0.0)

    def _divisors(self, values, take, turns):
        """The sums of what all micro-batches divide by; None where a pass needs them not."""
        number = len(turns.low)
        if number == 1 or not self.objective.shares.depend_on_data:
            return None
        return self._over(turns, lambda i, turn: self.passes.divisors(values, take(i, turn), (turn.low, turn.high)))

    def _over(self, turns, function):
        """The sum of a function over the micro-batches."""
        total = function(0, _at(turns, 0))
        for i in range(1, len(turns.low)):
            total = jax.tree.map(jnp.add, total, function(i, _at(turns, i)))
        return total

    def _gradients(self, values, take, turns, divisors):
        """Loss, gradients and values after the passes over all micro-batches."""
        number = len(turns.low)
        scale: Any = 1.0
        if self.loss_scale is not None:
            (scale,) = self.variables.of([self.loss_scale.scale], values)

        def one(values, i, turn):
            outcome = self.passes(values, take(i, turn), (turn.low, turn.high), number, scale, divisors)
            gradients = outcome.gradients
            if number > 1 or self.loss_scale is not None:
                gradients = [_wide(g) for g in gradients]
            return outcome.loss, gradients, outcome.values

        loss, gradients, values = one(values, 0, _at(turns, 0))
        if number > 1:
            loss, gradients, values = self._rest(one, loss, gradients, values, turns)
        if self.loss_scale is not None:
            gradients = [g / scale for g in gradients]
        return loss, gradients, values

    def _rest(self, one, loss, gradients, values, turns):
        """Adds the passes over the second micro-batch to the last."""

        def add(carry, place):
            loss, gradients, values = carry
            more, others, values = one(values, *place)
            return (loss + more, [g + h for g, h in zip(gradients, others)], values), None

        number = len(turns.low)
        places = jnp.arange(1, number), jax.tree.map(lambda part: part[1:], turns)
        unroll = 1 if self._loops else number - 1
        return jax.lax.scan(add, (loss, gradients, values), places, unroll=unroll)[0]


def has_convolutions(model: Any) -> bool:
    """Returns whether any layer of a model convolves."""
    return any("Conv" in type(layer).__name__ for layer in model._flatten_layers())


def _at(turns, i):
    return jax.tree.map(lambda part: part[i], turns)


def _wide(gradient):
    return gradient if gradient.dtype == jnp.float64 else gradient.astype("float32")

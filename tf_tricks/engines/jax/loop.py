"""The compiled updates: many for each call from Python, or one after the other where that is faster."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data import Stream
from tf_tricks.engines import hosts
from tf_tricks.engines.jax.devices import DataParallel
from tf_tricks.engines.jax.input import Resident, can_be_resident, read_ahead
from tf_tricks.engines.jax.order import Turn, after, turn_at
from tf_tricks.engines.jax.step import Step
from tf_tricks.engines.jax.variables import step_variables
from tf_tricks.engines.loss_scale import LossScale
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.update import Update

MOST_UPDATES = 1000
"""For one call: the compiled loop has room for so many learning rates."""


class Loop:
    """Runs updates on all devices; between two calls the values are in the Keras variables.

    The batch is one array, of which each device has a part, so that what is computed is what one device would compute.

    Args:
        strategy: `DataParallel`.
        objective: `Objective`.
        update: `Update`, what is done with the gradient.
        micro_batch: examples that are in the devices' memory at once, over all devices; None for the whole batch.
        loss_scale: `LossScale` for float16, or None.
        jit_compile: True; everything is compiled.
    """

    def __init__(
        self,
        strategy: DataParallel,
        objective: Objective,
        update: Update,
        micro_batch: int | None = None,
        loss_scale: LossScale | None = None,
        jit_compile: bool = True,
    ):
        self.strategy = strategy
        self.micro_batch = micro_batch
        self.variables = step_variables(objective.model, update.optimizer, loss_scale)
        self.step = Step(objective, update, self.variables, strategy, micro_batch, loss_scale)
        self._resident: Resident | None = None
        self._stream: Stream | None = None
        self._compiled: dict[Any, Any] = {}

    def start(self, stream: Stream, batch_size: int, examples_seen: int) -> None:
        """Makes the loop read `stream` in batches of `batch_size` from position `examples_seen` on."""
        if stream is not self._stream:
            fits = hosts.smallest(can_be_resident(self.strategy, stream))  # each host has another room
            self._resident = Resident(self.strategy, stream) if fits else None
            self._stream, self._compiled = stream, {}
        self._batch_size, self._examples_seen = batch_size, examples_seen
        self._turn = turn_at(examples_seen, stream.source.num_examples)
        if self._resident is None:
            at_once = self.step.at_once(batch_size)
            self._batches = read_ahead(self.strategy, stream, batch_size, at_once, examples_seen)

    def run(self, learning_rates: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
        """Runs one update for each of `learning_rates`.

        Returns:
            losses, float32 [n], and the norms of gradient and weights at the last update, float32 [2].
        """
        values = self.variables.values(self.strategy)
        try:
            if self._resident is not None and self.step.loops_are_fast(self._batch_size):
                values, losses, norms = self._run_in_loop(values, learning_rates)
            else:
                values, losses, norms = self._run_one_by_one(values, learning_rates)
            return np.asarray(losses), np.asarray(self.strategy.local(norms))
        finally:
            self.variables.assign(self.strategy.local(values))  # those that were given are used up

    def _run_in_loop(self, values, learning_rates):
        losses = []
        for start in range(0, len(learning_rates), MOST_UPDATES):
            some = learning_rates[start : start + MOST_UPDATES]
            rates = np.zeros(MOST_UPDATES, "float32")
            rates[: len(some)] = some
            function = self._function("loop", self._updates)
            arrays = self._resident.arrays
            values, found, norms, self._turn = function(values, arrays, self._turn, rates, np.int32(len(some)))
            losses.append(np.asarray(self.strategy.local(found))[: len(some)])
        return values, np.concatenate(losses), norms

    def _run_one_by_one(self, values, learning_rates):
        losses = []
        for i, rate in enumerate(learning_rates):
            examples = next(self._batches) if self._resident is None else self._resident.arrays
            last = np.bool_(i == len(learning_rates) - 1)
            function = self._function("single", self._update)
            values, loss, norms, self._turn = function(values, examples, self._turn, np.float32(rate), last)
            losses.append(self.strategy.local(loss))
        return values, jnp.stack(losses), norms

    def _function(self, kind, function):
        key = kind, self._batch_size
        if key not in self._compiled:
            self._compiled[key] = compiled(
                functools.partial(function, self._batch_size), out_shardings=self.strategy.replicated
            )
        return self._compiled[key]

    def _update(self, batch_size, values, data, turn, learning_rate, log_norms):
        """One update of `batch_size` examples."""
        number = self._stream.source.num_examples
        return one_update(self.step, batch_size, number, self._resident, values, data, turn, learning_rate, log_norms)

    def _updates(self, batch_size, values, data, turn, learning_rates, number):
        """As many updates as `number`, at the first of `learning_rates`."""

        def one(i, carry):
            values, losses, norms, turn = carry
            values, loss, norms, turn = self._update(batch_size, values, data, turn, learning_rates[i], i == number - 1)
            return values, losses.at[i].set(loss), norms, turn

        start = values, jnp.zeros(MOST_UPDATES, "float32"), jnp.zeros(2, "float32"), turn
        return jax.lax.fori_loop(0, number, one, start)


def one_update(
    step: Step,
    batch_size: int,
    num_examples: int,
    resident: Resident | None,
    values: list[Tensor],
    data: Structure,
    turn: Turn,
    learning_rate: Tensor,
    log_norms: Tensor,
) -> tuple[list[Tensor], Tensor, Tensor, Turn]:
    """Returns the new values, the loss, the norms and where the next batch begins; this is what is compiled.

    Args:
        step: `Step`.
        batch_size: examples of the update.
        num_examples: of the source.
        resident: `Resident` whose `arrays` are `data`, or None where `data` are the batch.
        values: of the step's variables.
        data: arrays; those of a batch are [micro-batches, examples of one, ...].
        turn: of the batch's first example.
        learning_rate: float32 scalar.
        log_norms: bool scalar; where it is False the norms are 0.
    """
    at_once = step.at_once(batch_size)

    def take(i, place):
        if resident is None:
            return jax.tree.map(lambda array: array[i], data)
        return resident.take(data, place, at_once)

    turns = [turn]
    for _ in range(batch_size // at_once):
        turns.append(after(turns[-1], at_once, num_examples))
    values, loss, norms = step(values, take, _stacked(turns[:-1]), learning_rate, log_norms)
    return values, loss, norms, turns[-1]


def compiled(function: Callable[..., Any], **settings: Any) -> Any:
    """Returns what `jax.jit` makes of a function of values that it may use up, and further arguments."""
    return jax.jit(function, donate_argnums=0, **settings)


def _stacked(turns):
    return Turn(*(jnp.stack(parts) for parts in zip(*turns)))

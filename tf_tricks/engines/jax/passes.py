"""Forward and backward passes by `jax.value_and_grad`, as pure functions of the variables' values."""

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
from keras.src.backend import get_keras_mask, set_keras_mask

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.engines.jax.one_pass import one_pass
from tf_tricks.engines.jax.variables import Variables
from tf_tricks.engines.objective import Objective
from tf_tricks.engines.places import Place, seeds_at


class Outcome(NamedTuple):
    """What one forward and backward pass gives.

    Attributes:
        loss: this pass's share of the loss of the whole update, float32.
        gradients: one array for each trainable variable.
        values: of all variables, those that the pass itself changes with their new ones: moving statistics, metrics.
    """

    loss: Any
    gradients: list
    values: list


class Passes:
    """Takes the gradient of an `Objective`; nothing outside changes.

    Args:
        objective: `Objective`.
        variables: `Variables`, the model's and its metrics' among them.
        kind: of the devices. On a TPU batch norm reads its inputs once; elsewhere it is Keras's own, in two passes,
            which keeps its digits where inputs lie far from 0.
    """

    def __init__(self, objective: Objective, variables: Variables, kind: str = "CPU"):
        self.objective = objective
        self.variables = variables
        self._moments = one_pass if kind == "TPU" else contextlib.nullcontext

    def __call__(
        self,
        values: Sequence[Tensor],
        examples: Structure,
        place: Place,
        micro_batches: int = 1,
        loss_scale: float | Tensor = 1.0,
        divisors: Tensor | None = None,
    ) -> Outcome:
        """Returns the `Outcome` of a micro-batch.

        Args:
            values: of the variables.
            examples: (inputs,), (inputs, labels) or (inputs, labels, weights), raw, in structures of arrays [b, ...].
            place: of the first example.
            micro_batches: how many make an update.
            loss_scale: factor on the gradients, so that small ones survive float16.
            divisors: float32 [losses], the sums of `divisors` over all micro-batches, if they are needed.
        """
        objective, variables = self.objective, self.variables
        with variables.scope(values):
            seeds = seeds_at(objective.seed_states, place)
            examples = inputs, labels, weights = objective.prepared(examples, place)
        changing = [*objective.model.non_trainable_weights, *objective.model.metrics_variables]

        def scaled_loss(trainable):
            now = variables.replaced(objective.trainable_variables, trainable, values)
            with self._moments(objective.model), variables.scope(now, seeds, losses=True) as scope:
                loss, outputs = objective.loss(examples, micro_batches, micro_batches, divisors)
                objective.model.compute_metrics(inputs, labels, _constant(outputs), sample_weight=weights)
            return loss * loss_scale, (loss, [scope.get_current_value(v) for v in changing])

        gradient = jax.grad(scaled_loss, has_aux=True)
        gradients, (loss, new) = gradient(variables.of(objective.trainable_variables, values))
        return Outcome(loss, gradients, variables.replaced(changing, new, values))

    def divisors(self, values: Sequence[Tensor], examples: Structure, place: Place) -> Tensor:
        """Returns what the masks and weights of raw examples make each loss divide by, float32 [losses]."""
        with self.variables.scope(values, losses=True):
            return jnp.asarray(self.objective.divisors(examples, place))


def _constant(outputs):
    """The outputs as numbers that nothing is differentiated by, with their masks."""

    def constant(output):
        stopped = jax.lax.stop_gradient(output)
        set_keras_mask(stopped, get_keras_mask(output))
        return stopped

    return keras.tree.map_structure(constant, outputs)

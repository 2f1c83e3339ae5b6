"""Forward and backward passes by TensorFlow's tape, as functions that XLA can compile."""

from typing import Any

import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.engines.objective import Objective, Outcome, changed, stateless


class Passes:
    """Takes the gradient of an `Objective` on one replica's examples; no variable changes.

    Args:
        objective: `Objective`.
        jit_compile: whether XLA compiles forward and backward pass (worth it on GPUs; TPUs always do).
    """

    def __init__(self, objective: Objective, jit_compile: bool = False):
        self.objective = objective
        self._compiled: Any = tf.function(self._pass, autograph=False, jit_compile=True) if jit_compile else self._pass

    def __call__(
        self,
        examples: Structure,
        position: Tensor,
        replicas: int = 1,
        micro_batches: int = 1,
        loss_scale: float | Tensor = 1.0,
        divisors: Tensor | None = None,
    ) -> Outcome:
        """Returns the `Outcome` for one replica's examples.

        Args:
            examples: (inputs, labels) or (inputs, labels, weights), raw, in structures of tensors [b, ...].
            position: int64 scalar, k of the first example.
            replicas: how many share a micro-batch.
            micro_batches: how many make an update.
            loss_scale: factor on the gradients, so that small ones survive float16.
            divisors: float32 [losses], the sums of `Objective.divisors` over all passes of the update, if they are
                needed.
        """
        scale = tf.cast(loss_scale, tf.float32)
        return Outcome(*self._compiled(examples, position, replicas, micro_batches, scale, divisors))

    def _pass(self, examples, position, replicas, micro_batches, loss_scale, divisors):
        objective, model = self.objective, self.objective.model
        examples = inputs, labels, weights = objective.prepared(examples, position)
        scope = stateless(model, objective.seed_states, position)
        with scope:
            with tf.GradientTape() as tape:
                loss, outputs = objective.loss(examples, replicas * micro_batches, micro_batches, divisors)
                scaled_loss = loss * loss_scale
            model.compute_metrics(inputs, labels, outputs, sample_weight=weights)
        gradients = tape.gradient(scaled_loss, objective.trainable_variables)
        gradients = [
            tf.zeros(v.shape, v.dtype) if g is None else tf.convert_to_tensor(g)
            for v, g in zip(objective.trainable_variables, gradients)
        ]
        objective.changed_variables, states = changed(scope, model.non_trainable_weights)
        objective.changed_metrics, metrics = changed(scope, model.metrics_variables)
        return loss, gradients, states, metrics, outputs

"""The loss scale that keeps small gradients alive in float16."""

from typing import Any

import tensorflow as tf

from tf_tricks.annotations import Tensor


def computes_in_float16(model: Any) -> bool:
    """Returns whether any layer of a model does."""
    return any(layer.compute_dtype == "float16" for layer in model._flatten_layers())


class LossScale:
    """A factor on the loss that grows while all goes well and halves when a gradient overflows on *any* replica.

    The scale doubles after `growth_steps` finite updates and halves, skipping the update, after one that is not
    finite. Keras's `LossScaleOptimizer` looks at the first replica only (Micikevicius et al. 2018, arXiv:1710.03740).

    Args:
        initial: the scale to start from.
        growth_steps: finite updates before it doubles.
    """

    def __init__(self, initial: float = 2.0**15, growth_steps: int = 2000):
        first = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self.growth_steps = growth_steps
        self.scale = tf.Variable(float(initial), trainable=False, aggregation=first, name="loss_scale")
        self.finite_steps = tf.Variable(0, trainable=False, aggregation=first, name="finite_steps")

    @property
    def variables(self) -> list[tf.Variable]:
        """The state to be saved."""
        return [self.scale, self.finite_steps]

    def adapt(self, finite: Tensor) -> None:
        """Follows one update; `finite` is a bool scalar, true if every gradient of every replica was finite."""
        steps = tf.where(finite, self.finite_steps + 1, 0)
        grow = steps >= self.growth_steps
        factor = tf.where(finite, tf.where(grow, 2.0, 1.0), 0.5)
        self.scale.assign(tf.maximum(self.scale * factor, 1.0))
        self.finite_steps.assign(tf.where(grow, 0, steps))

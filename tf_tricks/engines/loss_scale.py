"""The loss scale that keeps small gradients alive in float16."""

from typing import Any

import keras
from keras import ops

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
        same = dict(trainable=False, aggregation="only_first_replica")
        self.growth_steps = growth_steps
        self.scale = keras.Variable(float(initial), dtype="float32", name="loss_scale", **same)
        self.finite_steps = keras.Variable(0, dtype="int32", name="finite_steps", **same)

    @property
    def variables(self) -> list[keras.Variable]:
        """The state to be saved."""
        return [self.scale, self.finite_steps]

    def adapt(self, finite: Tensor) -> None:
        """Follows one update; `finite` is a bool scalar, true if every gradient of every replica was finite."""
        steps = ops.where(finite, self.finite_steps + 1, 0)
        grow = steps >= self.growth_steps
        factor = ops.where(finite, ops.where(grow, 2.0, 1.0), 0.5)
        self.scale.assign(ops.maximum(self.scale * factor, 1.0))
        self.finite_steps.assign(ops.where(grow, 0, steps))

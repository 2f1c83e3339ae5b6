"""What LARS and LAMB share: a rate for each tensor, and decay inside it."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks import patterns
from tf_tricks.annotations import Tensor

NOT_WEIGHTS = ("bias$", "gamma$", "beta$")
"""Biases and the scales and shifts of normalization: vectors that large-batch recipes leave alone."""


def norm(x: Tensor) -> Tensor:
    """Returns the Euclidean norm of a tensor, float32 at least."""
    x = ops.cast(x, keras.backend.result_type(x.dtype, "float32"))
    return ops.sqrt(ops.sum(ops.square(x)))


def ratio(numerator: Tensor, denominator: Tensor, otherwise: float | Tensor = 1.0) -> Tensor:
    """Returns numerator / denominator, or `otherwise` where either is not above 0, as for a tensor that is all 0."""
    otherwise = ops.cast(otherwise, numerator.dtype)
    return ops.where(ops.logical_and(numerator > 0, denominator > 0), numerator / denominator, otherwise)


class TrustRatioOptimizer(keras.optimizers.Optimizer):
    """An optimizer whose decay belongs inside the trust ratio, with lists of variables that have none of either.

    Args:
        learning_rate: a number or a Keras schedule.
        exclude_from_adaptation: regular expressions; a variable in whose path one is found has trust ratio 1.
        exclude_from_weight_decay: likewise, for the decay. `tt.Trainer` gives a list of its own.
        **keywords: arguments of `keras.optimizers.Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule,
        exclude_from_adaptation: Sequence[str] = NOT_WEIGHTS,
        exclude_from_weight_decay: Sequence[str] = NOT_WEIGHTS,
        **keywords,
    ):
        super().__init__(learning_rate=learning_rate, **keywords)
        self._no_adaptation = patterns.compiled("exclude_from_adaptation", exclude_from_adaptation)
        self._no_decay = patterns.compiled("exclude_from_weight_decay", exclude_from_weight_decay)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Finds the variables that are excluded."""
        if not hasattr(self, "_exclude_from_weight_decay"):  # nobody has called exclude_from_weight_decay
            self.exclude_from_weight_decay(var_list=[v for v in variables if patterns.found(self._no_decay, v)])
        super().build(variables)
        self._adapted = [not patterns.found(self._no_adaptation, v) for v in variables]

    def adapts(self, variable: Any) -> bool:
        """Returns whether the variable's rate is scaled by its trust ratio."""
        return self._adapted[self._get_variable_index(variable)]

    def decay_of(self, variable: Any) -> float:
        """Returns λ of a variable, a float."""
        return self.weight_decay if self.weight_decay and self._use_weight_decay(variable) else 0.0

    def _apply_weight_decay(self, variables):
        """Keras decays before the step; here the decay is part of the step."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "exclude_from_adaptation": [p.pattern for p in self._no_adaptation],
            "exclude_from_weight_decay": [p.pattern for p in self._no_decay],
        }

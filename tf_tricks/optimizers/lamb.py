"""Layer-wise adaptive moments."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.trust_ratio import NOT_WEIGHTS, TrustRatioOptimizer, norm, ratio
from tf_tricks.registry import register


@register("optimizers", "lamb", example={"weight_decay": 0.01, "learning_rate": 0.02})
@keras.saving.register_keras_serializable("tf_tricks")
class LAMB(TrustRatioOptimizer):
    """LAMB: Adam with a learning rate for each layer, for very large batches.

    You et al. 2020, arXiv:1904.00962, algorithm 2. The step of Adam and the decay λ are added up first, and their sum
    is then scaled to the size of the weights, tensor by tensor:

        m ← β₁m + (1 − β₁)g,   v ← β₂v + (1 − β₂)g²
        r = m̂ / (√v̂ + ε) + λw,   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
        w ← w − η |w|/|r| r

    A tensor whose weights are all 0 has trust ratio 1, as have the excluded ones. (Keras's `Lamb` adds the decay
    outside the ratio, and excludes no tensor from it.)

    Use it when you train transformers with batches in the thousands; 2⁻⁸ to 2⁻⁶ are good rates to begin with.

    Avoid it when the batch is small: `adam_w` is then as good. For convolutional networks `lars` has the better record.

    Config:
        config.optimizer = dict(name="lamb", beta_2=0.999)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        beta_1: β₁ in [0, 1).
        beta_2: β₂ in [0, 1).
        epsilon: ε, above 0.
        weight_decay: λ, at least 0, or None.
        exclude_from_adaptation: regular expressions; a variable in whose path one is found has trust ratio 1.
        exclude_from_weight_decay: likewise, for the decay. `tt.Trainer` gives a list of its own.
        **keywords: arguments of `keras.optimizers.Optimizer`.

    Example:
        >>> import keras
        >>> w, optimizer = keras.Variable([3.0, 4.0], name="kernel"), LAMB(learning_rate=0.1)
        >>> optimizer.apply([keras.ops.convert_to_tensor([1.0, 1.0])], [w])  # |r| = √2, |w| = 5
        >>> print(keras.ops.convert_to_numpy(w).round(4))
        [2.6464 3.6464]
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-6,
        weight_decay: float | None = None,
        exclude_from_adaptation: Sequence[str] = NOT_WEIGHTS,
        exclude_from_weight_decay: Sequence[str] = NOT_WEIGHTS,
        name: str = "lamb",
        **keywords,
    ):
        super().__init__(
            learning_rate,
            exclude_from_adaptation,
            exclude_from_weight_decay,
            weight_decay=weight_decay,
            name=name,
            **keywords,
        )
        self.beta_1, self.beta_2 = check_betas(beta_1, beta_2)
        self.epsilon = check_number("epsilon", epsilon, above=0)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes two moments for each variable."""
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        # Scalars that all variables share: made for each of many small ones, they would take a third of the time.
        root_correction = ops.sqrt(bias_correction(self, self.beta_2, "float32"))
        self._scaled_epsilon = self.epsilon * root_correction
        self._correction = root_correction / bias_correction(self, self.beta_1, "float32")
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        index = self._get_variable_index(variable)
        gradient = dense(gradient, variable.dtype)
        m = update_moment(self, self._momentums[index], gradient, self.beta_1)
        v = update_moment(self, self._velocities[index], ops.square(gradient), self.beta_2)
        # m̂/(√v̂ + ε), with the scalars put together so that each tensor is read once less.
        step = ops.divide(m, ops.add(ops.sqrt(v), ops.cast(self._scaled_epsilon, variable.dtype)))
        scale = ops.cast(self._correction, variable.dtype)
        decay = self.decay_of(variable)
        if decay:
            step, scale = ops.add(ops.multiply(step, scale), ops.multiply(variable, decay)), 1.0
        if self.adapts(variable):
            # The scale is in numerator and denominator of |w|/|r| r.
            scale = ops.cast(ratio(norm(variable), norm(step), otherwise=scale), variable.dtype)
        self.assign_sub(variable, ops.multiply(step, ops.cast(learning_rate, variable.dtype) * scale))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}


def check_betas(beta_1: float, beta_2: float) -> tuple[float, float]:
    """Returns both, or raises a `RequestError` unless they are in [0, 1)."""
    return (
        check_number("beta_1", beta_1, minimum=0, below=1),
        check_number("beta_2", beta_2, minimum=0, below=1),
    )


def update_moment(optimizer: keras.optimizers.Optimizer, moment: keras.Variable, value: Tensor, beta: float) -> Tensor:
    """Moves a moving average towards `value` by 1 − β and returns it."""
    new = ops.add(moment, ops.multiply(ops.subtract(value, moment), 1 - beta))
    optimizer.assign(moment, new)
    return new


def bias_correction(optimizer: keras.optimizers.Optimizer, beta: float, dtype: str) -> Tensor:
    """Returns 1 − βᵗ for the coming step t, exact in float32 also while βᵗ is near 1."""
    if beta == 0:
        return ops.ones((), dtype)
    step = ops.cast(optimizer.iterations + 1, keras.backend.result_type(dtype, "float32"))
    return ops.cast(-ops.expm1(step * math.log(beta)), dtype)

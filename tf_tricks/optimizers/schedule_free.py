"""Schedule-Free AdamW."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.lamb import bias_correction, check_betas, update_moment
from tf_tricks.optimizers.start import NOT_STARTED, started
from tf_tricks.registry import register


@register("optimizers", "schedule_free_adam_w", example={"weight_decay": 0.01, "learning_rate": 0.02})
@keras.saving.register_keras_serializable("tf_tricks")
class ScheduleFreeAdamW(keras.optimizers.Optimizer):
    """Schedule-Free AdamW: an average of the weights in place of a decaying rate.

    Defazio et al. 2024, arXiv:2405.15682, algorithm 1. Gradients are taken at y, between the running point z and the
    average x, in which each step weighs as much as the square of its rate:

        y = (1 − β₁)z + β₁x,   g = g(y)
        v ← β₂v + (1 − β₂)g²
        γ = η √(1 − β₂ᵗ)
        z ← z − γ g/(√v + ε) − γλy
        x ← (1 − c)x + cz,   c = γ²/Σγ²

    The model holds y while it trains; `tt.Trainer` validates and exports x, as the paper does. After `keras.Model.fit`
    call `optimizer.finalize_variable_values(model.trainable_variables)`. (Keras 3.15's own class mixes up z before and
    after the step on TensorFlow, weighs all steps alike and decays y alone; this one follows the paper. The authors'
    code weighs a step by the largest η so far, squared, without the correction √(1 − β₂ᵗ), and divides v by it instead:
    its first steps weigh more, and where η falls, later ones as much as those at the top.)

    Use it when the length of the run is not known beforehand; with a constant rate after a warm-up.

    Avoid it when the length is known: a cosine to 0 is as good. With batch norm its statistics belong to y: recompute
    them for x.

    Config:
        config.optimizer = dict(name="schedule_free_adam_w", weight_decay=0.01)

    Args:
        learning_rate: η, a number or a Keras schedule (a warm-up); in a config it is the trainer's.
        beta_1: β₁ in (0, 1): how near y is to the average.
        beta_2: β₂ in [0, 1).
        epsilon: ε, above 0.
        weight_decay: λ, at least 0, or None.
        **keywords: arguments of `keras.optimizers.Optimizer`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import keras
        >>> w, optimizer = keras.Variable([1.0]), ScheduleFreeAdamW(learning_rate=0.1)
        >>> for _ in range(3):
        ...     optimizer.apply([keras.ops.ones(1)], [w])
        >>> optimizer.finalize_variable_values([w])  # z went through 0.9, 0.8, 0.7, with weights 1, 2, 3
        >>> print(keras.ops.convert_to_numpy(w).round(3))
        [0.767]
    """

    keeps_averages = True

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float | None = None,
        name: str = "schedule_free_adam_w",
        **keywords,
    ):
        super().__init__(learning_rate=learning_rate, weight_decay=weight_decay, name=name, **keywords)
        self.beta_1, self.beta_2 = check_betas(beta_1, beta_2)
        check_number("beta_1", beta_1, above=0)
        self.epsilon = check_number("epsilon", epsilon, above=0)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the running point and the second moment of each variable, and the sum of the steps' weights."""
        if not self.built:
            super().build(variables)
            self._points = self.add_optimizer_variables(variables, "point", initializer=NOT_STARTED)
            self._velocities = self.add_optimizer_variables(variables, "velocity")
            self._weights = self.add_variable((), aggregation="only_first_replica", name="weights")

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        rate = self._rate(learning_rate, self._weights.dtype)
        self._weights.assign(self._weights + ops.square(rate))
        super()._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        index = self._get_variable_index(variable)
        gradient, y = dense(gradient, variable.dtype), ops.convert_to_tensor(variable)
        z = started(self._points[index], y)
        x = (y - (1 - self.beta_1) * z) / self.beta_1
        v = update_moment(self, self._velocities[index], ops.square(gradient), self.beta_2)
        rate = self._rate(learning_rate, variable.dtype)
        step = gradient / (ops.sqrt(v) + self.epsilon)
        if self.weight_decay and self._use_weight_decay(variable):
            step = step + self.weight_decay * y
        z = z - rate * step
        # The squares of small rates are too small for float16. A multiplier of this variable's rate, which
        # `learning_rate` has, is in every step's weight, and so in none of the shares.
        weight, total = ops.square(self._rate(self.learning_rate, self._weights.dtype)), self._weights + 0.0
        share = ops.where(total > 0, weight / ops.where(total > 0, total, 1.0), 0.0)
        x = x + ops.cast(share, variable.dtype) * (z - x)
        self.assign(self._points[index], z)
        self.assign(variable, (1 - self.beta_1) * z + self.beta_1 * x)

    def averages(self) -> list[Tensor]:
        """Returns x, the weights to evaluate, one array for each variable."""
        pairs: Any = zip(self._trainable_variables, self._points)
        pairs = [(ops.convert_to_numpy(y), ops.convert_to_numpy(started(z, y))) for y, z in pairs]
        beta = self.beta_1
        return [((y - (1 - beta) * z) / beta).astype(y.dtype) for y, z in pairs]

    def finalize_variable_values(self, var_list: Sequence[keras.Variable]) -> None:
        """Puts x into the variables."""
        for variable, average in zip(var_list, self.averages()):
            variable.assign(average)

    def _rate(self, learning_rate, dtype):
        return ops.cast(learning_rate, dtype) * ops.sqrt(bias_correction(self, self.beta_2, dtype))

    def _apply_weight_decay(self, variables):
        """Keras decays before the step; here the decay is part of the step."""

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

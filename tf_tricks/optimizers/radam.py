"""Rectified Adam."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.lamb import bias_correction, check_betas, update_moment
from tf_tricks.registry import register


@register("optimizers", "radam")
@keras.saving.register_keras_serializable("tf_tricks")
class RAdam(keras.optimizers.Optimizer):
    """Rectified Adam: no adaptive step before the second moment is known well enough.

    In the first steps √v̂ comes from a handful of gradients and varies wildly, which is what a warm-up of Adam's rate is
    good for. RAdam (Liu et al. 2020, arXiv:1908.03265, algorithm 2) computes how long the average has effectively
    become, and takes plain momentum until it is longer than 4:

        ρ∞ = 2/(1 − β₂) − 1,   ρ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ)
        ρ > 4:  w ← w − η r m̂ / (√v̂ + ε),   r = √((ρ−4)(ρ−2)ρ∞ / ((ρ∞−4)(ρ∞−2)ρ))
        else:   w ← w − η m̂

    (The paper has no ε; its authors' code adds it as here.)

    Use it when Adam without warm-up starts badly and a warm-up is one thing too many to tune.

    Avoid it when the learning rate warms up anyway: it is then the same as `adam`.

    Config:
        config.optimizer = dict(name="radam", beta_2=0.999)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        beta_1: β₁ in [0, 1).
        beta_2: β₂ in (0.6, 1), so that ρ∞ > 4.
        epsilon: ε, at least 0.
        **keywords: arguments of `keras.optimizers.Optimizer`, such as `weight_decay`.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import keras
        >>> w, optimizer = keras.Variable([1.0]), RAdam(learning_rate=0.1)
        >>> optimizer.apply([keras.ops.convert_to_tensor([2.0])], [w])  # the first step is plain: 1 − 0.1 · 2
        >>> print(keras.ops.convert_to_numpy(w).round(4))
        [0.8]
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "radam",
        **keywords,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **keywords)
        self.beta_1, self.beta_2 = check_betas(beta_1, beta_2)
        check_number("beta_2", beta_2, above=0.6)
        self.epsilon = check_number("epsilon", epsilon, minimum=0)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes two moments for each variable."""
        if not self.built:
            super().build(variables)
            self._momentums, self._velocities = self.add_optimizer_variables(variables, ["momentum", "velocity"])

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        index = self._get_variable_index(variable)
        gradient = dense(gradient, variable.dtype)
        m = update_moment(self, self._momentums[index], gradient, self.beta_1)
        v = update_moment(self, self._velocities[index], ops.square(gradient), self.beta_2)
        rate = ops.cast(learning_rate, variable.dtype) / bias_correction(self, self.beta_1, variable.dtype)
        root = ops.sqrt(bias_correction(self, self.beta_2, variable.dtype))
        rectified, r = self._rectification(variable.dtype)
        denominator = ops.where(rectified, ops.add(ops.sqrt(v), self.epsilon * root), 1.0)
        self.assign_sub(variable, ops.divide(ops.multiply(m, rate * ops.where(rectified, r * root, 1.0)), denominator))

    def _rectification(self, dtype):
        """Returns whether the step is adaptive, and r, both scalars."""
        working = keras.backend.result_type(dtype, "float32")
        longest = 2 / (1 - self.beta_2) - 1
        # 2tβᵗ/(1 − βᵗ) nearly cancels ρ∞ at first: with x = −t log β it is 2t/(eˣ − 1), and ρ = (ρ∞ − 2t/x) + 2t(1/x −
        # 1/(eˣ − 1)), of which the first part is a constant and the second small.
        step = ops.cast(self.iterations + 1, working)
        constant = longest + 2 / math.log(self.beta_2)
        x = step * -math.log(self.beta_2)
        small = ops.minimum(x, 1.0)
        series = 1 / 2 - small / 12 + small**3 / 720 - small**5 / 30240 + small**7 / 1209600
        length = constant + 2 * step * ops.where(x < 1, series, 1 / x - 1 / ops.expm1(x))
        rectified = length > 4
        length = ops.where(rectified, length, 5.0)
        r = ops.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
        return rectified, ops.cast(r, dtype)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}

"""Layer-wise adaptive rate scaling."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.optimizers.trust_ratio import NOT_WEIGHTS, TrustRatioOptimizer, norm, ratio
from tf_tricks.registry import register


@register("optimizers", "lars", example={"trust_coefficient": 0.02, "weight_decay": 0.01, "learning_rate": 0.5})
@keras.saving.register_keras_serializable("tf_tricks")
class LARS(TrustRatioOptimizer):
    """LARS: momentum with a learning rate for each layer, for very large batches.

    With one rate for all layers, the ratio of a weight's norm to its gradient's differs a hundredfold between layers,
    and a rate that is large enough for one makes another diverge. LARS (You et al. 2017, arXiv:1708.03888, algorithm
    1) gives each tensor a rate in proportion to that ratio; with trust coefficient τ, decay λ and momentum μ:

        r ← τ |w| / (|g| + λ|w|)
        v ← μv + ηr (g + λw)
        w ← w − v

    A tensor whose weights or gradient are all 0 has r = 1, as have the excluded ones. The velocity absorbs η, as in the
    paper. With weights that are mirrored and gradients summed before the norms, R replicas give what one gives.

    Use it when the batch is in the thousands and a warmed-up, linearly scaled rate no longer holds the accuracy.

    Avoid it when the batch is below a few thousand: `momentum` is then as good and has less to tune.

    Config:
        config.optimizer = dict(name="lars", momentum=0.9, trust_coefficient=0.001)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's. Often 1 to 30.
        momentum: μ in [0, 1].
        trust_coefficient: τ, above 0.
        weight_decay: λ, at least 0, or None.
        epsilon: added to the denominator of r; 0 as in the paper.
        exclude_from_adaptation: regular expressions; a variable in whose path one is found has r = 1.
        exclude_from_weight_decay: likewise, for the decay. `tt.Trainer` gives a list of its own.
        nesterov: whether to step ahead by the velocity.
        **keywords: arguments of `keras.optimizers.Optimizer`.

    Example:
        >>> import keras
        >>> w, optimizer = keras.Variable([3.0, 4.0], name="kernel"), LARS(learning_rate=1.0, trust_coefficient=0.1)
        >>> optimizer.apply([keras.ops.convert_to_tensor([0.0, 2.0])], [w])  # |w| = 5, |g| = 2, so r = 0.25
        >>> print(keras.ops.convert_to_numpy(w))
        [3.  3.5]
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 1.0,
        momentum: float = 0.9,
        trust_coefficient: float = 0.001,
        weight_decay: float | None = None,
        epsilon: float = 0.0,
        exclude_from_adaptation: Sequence[str] = NOT_WEIGHTS,
        exclude_from_weight_decay: Sequence[str] = NOT_WEIGHTS,
        nesterov: bool = False,
        name: str = "lars",
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
        self.momentum = check_number("momentum", momentum, minimum=0, maximum=1)
        self.trust_coefficient = check_number("trust_coefficient", trust_coefficient, above=0)
        self.epsilon = check_number("epsilon", epsilon, minimum=0)
        self.nesterov = bool(nesterov)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes a velocity for each variable."""
        if not self.built:
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        velocity = self._velocities[self._get_variable_index(variable)]
        gradient = dense(gradient, variable.dtype)
        decay = self.decay_of(variable)
        rate = learning_rate
        if self.adapts(variable):
            weight_norm, gradient_norm = norm(variable), norm(gradient)
            # Without a gradient, decay alone would make the ratio τ/λ: huge, so such a tensor has ratio 1.
            denominator = ops.where(gradient_norm > 0, gradient_norm + decay * weight_norm + self.epsilon, 0.0)
            rate = ops.cast(rate, weight_norm.dtype) * ratio(self.trust_coefficient * weight_norm, denominator)
        rate = ops.cast(rate, variable.dtype)
        if decay:
            gradient = ops.add(gradient, ops.multiply(variable, decay))
        step = ops.multiply(gradient, rate)
        new = ops.add(ops.multiply(velocity, self.momentum), step)
        self.assign(velocity, new)
        if self.nesterov:
            new = ops.add(ops.multiply(new, self.momentum), step)
        self.assign_sub(variable, new)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "momentum": self.momentum,
            "trust_coefficient": self.trust_coefficient,
            "epsilon": self.epsilon,
            "nesterov": self.nesterov,
        }

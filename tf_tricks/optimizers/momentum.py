"""Heavy-ball and Nesterov momentum that survive a change of the learning rate."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.dense import dense
from tf_tricks.registry import register


@register("optimizers", "momentum", example={"nesterov": True, "learning_rate": 0.03})
@keras.saving.register_keras_serializable("tf_tricks")
class Momentum(keras.optimizers.Optimizer):
    """Heavy-ball or Nesterov momentum with momentum correction when the learning rate changes.

    The lecture's eq. (4), heavy ball (Polyak 1964), is v ← μv − ηg, θ ← θ + v. Its velocity has absorbed the learning
    rates of the past, so that a sudden change of η is felt only after some 1/(1 − μ) steps. Momentum correction (Goyal
    et al. 2017, arXiv:1706.02677, remark 2) rescales it, v ← μ (η_t/η_{t−1}) v − η_t g, which is the same as keeping η
    out:

        u ← μu + g
        θ ← θ − ηu                (heavy ball)
        θ ← θ − η(μu + g)         (Nesterov)

    Nesterov's form is the lecture's eq. (5), v ← μv − η∇f(θ + μv), θ ← θ + v, written in x = θ + μv, the point where
    the gradient is taken (Sutskever et al. 2013). At a constant rate both equal Keras's SGD, which does not correct.

    Use it when the learning rate warms up, decays or follows a batch that grows: as the default for images.

    Avoid it when gradients differ by orders of magnitude between parameters, as with embeddings and attention: take
    `adam_w`. For the uncorrected velocity of the equations take `sgd`.

    Config:
        config.optimizer = dict(name="momentum", momentum=0.9, nesterov=True)

    Args:
        learning_rate: η, a number or a Keras schedule; in a config it is the trainer's.
        momentum: μ in [0, 1).
        nesterov: whether to take the gradient ahead of the step.
        **keywords: arguments of `keras.optimizers.Optimizer`, such as `weight_decay`.

    Example:
        >>> import keras
        >>> w, optimizer = keras.Variable([0.0]), Momentum(learning_rate=0.1, momentum=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([keras.ops.ones(1)], [w])
        >>> print(keras.ops.convert_to_numpy(w))
        [-0.25]
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.01,
        momentum: float = 0.9,
        nesterov: bool = False,
        name: str = "momentum",
        **keywords,
    ):
        super().__init__(learning_rate=learning_rate, name=name, **keywords)
        self.momentum = check_number("momentum", momentum, minimum=0, maximum=1)
        self.nesterov = bool(nesterov)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes a velocity for each variable."""
        if not self.built:
            super().build(variables)
            self._velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        learning_rate = ops.cast(learning_rate, variable.dtype)
        gradient = dense(gradient, variable.dtype)
        momentum = ops.cast(self.momentum, variable.dtype)
        velocity = self._velocities[self._get_variable_index(variable)]
        new = ops.add(ops.multiply(velocity, momentum), gradient)
        self.assign(velocity, new)
        if self.nesterov:
            new = ops.add(ops.multiply(new, momentum), gradient)
        self.assign_sub(variable, ops.multiply(new, learning_rate))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"momentum": self.momentum, "nesterov": self.nesterov}

"""Lookahead: k steps forward, one step back."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number
from tf_tricks.optimizers.start import NOT_STARTED, StartsBeforeDecay, started
from tf_tricks.registry import register


@register("optimizers", "lookahead", example={"optimizer": {"name": "adam"}, "k": 3}, parts={"optimizer": "optimizers"})
@keras.saving.register_keras_serializable("tf_tricks")
class Lookahead(StartsBeforeDecay):
    """Lookahead around any optimizer: every k steps the weights go back part of the way.

    The inner optimizer explores with fast weights θ; every k steps the slow weights φ follow, and θ starts anew from
    them (Zhang et al. 2019, arXiv:1907.08610):

        φ ← φ + α(θ − φ),   θ ← φ

    It averages out the noise of the last steps, so that the result depends less on the inner rate.

    Use it when the inner optimizer is noisy, with a rate at the upper end of what works.

    Avoid it when an average of the weights is kept anyway (`use_ema`), or the rate decays to 0 with a cosine.

    Config:
        config.optimizer = dict(name="lookahead", optimizer=dict(name="adam"), k=5, alpha=0.5)

    Args:
        optimizer: a new Keras optimizer, or in a config its name or dict.
        k: steps between two synchronizations, at least 1; the paper's are 5 to 10.
        alpha: α in (0, 1]; the paper's is 0.5 or 0.8.
        name: the name.

    Raises:
        RequestError: an argument is out of its range.

    Example:
        >>> import keras
        >>> w, optimizer = keras.Variable([0.0]), Lookahead(keras.optimizers.SGD(1.0), k=2, alpha=0.5)
        >>> for _ in range(2):
        ...     optimizer.apply([keras.ops.ones(1)], [w])
        >>> print(keras.ops.convert_to_numpy(w))  # went to −2, came half the way back
        [-1.]
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, k: int = 5, alpha: float = 0.5, name: str = "lookahead"):
        super().__init__(optimizer, name)
        self.k = int(check_number("k", k, minimum=1, integer=True))
        self.alpha = check_number("alpha", alpha, above=0, maximum=1)

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Makes the slow weights."""
        if not self.built:
            super().build(variables)
            self._slow = self.add_optimizer_variables(variables, "slow", initializer=NOT_STARTED)

    def start(self, variable: Any) -> None:
        """Lets the variable's slow weights start, if they have not yet."""
        slow = self._slow[self._get_variable_index(variable)]
        self.assign(slow, started(slow, ops.convert_to_tensor(variable)))

    def step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable, and every k steps its slow weights."""
        slow = self._slow[self._get_variable_index(variable)]
        slow_before = started(slow, ops.convert_to_tensor(variable))
        self.inner.update_step(gradient, variable, learning_rate)
        synchronize = (self.iterations + 1) % self.k == 0
        fast = ops.convert_to_tensor(variable)
        slow_after = ops.where(synchronize, slow_before + self.alpha * (fast - slow_before), slow_before)
        self.assign(slow, slow_after)
        self.assign(variable, ops.where(synchronize, slow_after, fast))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"k": self.k, "alpha": self.alpha}

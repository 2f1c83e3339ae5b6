"""State that starts from a variable's value at its own first step.

That is not its value when the optimizer was built, after which weights may be loaded, nor that at the optimizer's first
step, in which a variable that is frozen at first does not take part.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.optimizers.wrapper import OptimizerWrapper

NOT_STARTED = keras.initializers.Constant(float("nan"))


def started(state: keras.Variable, variable: Tensor) -> Tensor:
    """Returns a state that was made with `NOT_STARTED`: as it is, or the variable's value before the first step.

    Example:
        >>> state = keras.Variable(NOT_STARTED((1,)))
        >>> print(keras.ops.convert_to_numpy(started(state, keras.ops.ones(1))))
        [1.]
    """
    state = ops.convert_to_tensor(state)
    return ops.where(ops.isnan(state), ops.convert_to_tensor(variable), state)


class StartsBeforeDecay(OptimizerWrapper):
    """An optimizer around another one whose state starts from the variables, as they are before the first decay.

    A subclass overrides `start` and `step`, which takes the place of `update_step`.
    """

    _starting = False

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        if self.weight_decay is not None:
            self._starting = True
            keras.optimizers.Optimizer._backend_update_step(self, variables, variables, 0.0)
            self._starting = False
        super()._apply_weight_decay(variables)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable, or only lets its state start."""
        if self._starting:
            self.start(variable)
        else:
            self.step(gradient, variable, learning_rate)

    def start(self, variable: Any) -> None:
        """Lets the variable's state start, if it has not yet."""
        raise NotImplementedError

    def step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable."""
        raise NotImplementedError

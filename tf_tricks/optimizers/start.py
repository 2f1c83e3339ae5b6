"""State that starts from a variable's value at its own first step.

That is not its value when the optimizer was built, after which weights may be loaded, nor that at the optimizer's first
step, in which a variable that is frozen at first does not take part.
"""

import keras
from keras import ops

from tf_tricks.annotations import Tensor

NOT_STARTED = keras.initializers.Constant(float("nan"))


def started(state: keras.Variable, variable: Tensor) -> Tensor:
    """Returns a state that was made with `NOT_STARTED`: as it is, or the variable's value before the first step.

    Example:
        >>> state = keras.Variable(NOT_STARTED((1,)))
        >>> print(keras.ops.convert_to_numpy(started(state, keras.ops.ones(1))))
        [1.]
    """
    state = ops.convert_to_tensor(state)
    return ops.where(ops.isnan(state), variable, state)

"""Runs an optimizer on a function of a few numbers for as many steps as it takes, in one compiled loop."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor


def descend(
    optimizer: keras.optimizers.Optimizer,
    gradient: Callable[[Tensor, Tensor], Tensor],
    start: Sequence[float] | np.ndarray,
    steps: int,
    dtype: str = "float32",
    constraint: Callable[[Tensor], Tensor] | None = None,
) -> np.ndarray:
    """Returns the points that an optimizer comes through, [steps + 1, d], the start among them.

    An optimizer that comes from an earlier call goes on with the state that this has left in it.

    Args:
        optimizer: with its own learning rate, a number or a Keras schedule.
        gradient: function of the point [d] and of the step's number, from 0, in `keras.ops`.
        start: the first point, [d].
        steps: how many.
        dtype: of the points; "float64" for what is compared to more than six digits.
        constraint: function of a point that brings it back to where points may be, as a Keras constraint of a weight.

    Example:
        >>> descend(keras.optimizers.SGD(0.5), lambda point, step: point, [4.0], 3)[:, 0].tolist()
        [4.0, 2.0, 1.0, 0.5]
    """
    walk = _on_jax if keras.config.backend() == "jax" else _on_tensorflow
    return walk(optimizer, gradient, np.asarray(start, dtype), steps, constraint)


def _on_tensorflow(optimizer, gradient, start, steps, constraint):
    import tensorflow as tf

    variable = _variable(optimizer, start, constraint)
    gradient = tf.autograph.experimental.do_not_convert(gradient)  # it is in keras.ops already

    @tf.function(jit_compile=True)
    def loop():
        points = tf.TensorArray(variable.dtype, steps, element_shape=start.shape)
        for step in tf.range(steps):
            optimizer.apply([gradient(variable.value, step)], [variable])
            points = points.write(step, variable.value)
        return points.stack()

    return np.concatenate([start[None], loop.get_concrete_function()().numpy()])


def _on_jax(optimizer, gradient, start, steps, constraint):
    import jax

    with jax.enable_x64(start.dtype == np.float64):
        variable = _variable(optimizer, start, constraint)

        def step_of(state, step):
            (point,), of_optimizer = state
            gradients = [gradient(point, step)]
            state = optimizer.stateless_apply(of_optimizer, gradients, [point])
            return state, state[0][0]

        begin: Any = ([variable.value], [each.value for each in optimizer.variables])
        (_, of_optimizer), points = jax.jit(lambda state: jax.lax.scan(step_of, state, ops.arange(steps)))(begin)
        for each, value in zip(optimizer.variables, of_optimizer):
            each.assign(value)
        return np.concatenate([start[None], np.asarray(points)])


def _variable(optimizer, start, constraint):
    """The variable that an optimizer was built for, at the start of a walk, or a first one."""
    if optimizer.built:
        variable = optimizer._trainable_variables[0]
        variable.assign(start)
    else:
        variable = keras.Variable(start, dtype=str(start.dtype))
        optimizer.build([variable])
    variable.constraint = constraint
    return variable

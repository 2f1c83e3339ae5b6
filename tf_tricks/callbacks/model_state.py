"""What several callbacks do with the variables of a model and its optimizer."""

import contextlib
from collections.abc import Iterable

import keras
import numpy as np

from tf_tricks.errors import RequestError


def state_variables(model: keras.Model) -> list[keras.Variable]:
    """Returns all variables of a model and its optimizer: weights, statistics, seed generators, moments, rate."""
    if model.built and not model.optimizer.built:  # plain fit under a tf.distribute strategy builds it only later
        strategy = getattr(model, "distribute_strategy", None)
        with strategy.scope() if strategy is not None else contextlib.nullcontext():
            model.optimizer.build(model.trainable_variables)
    return [*model.variables, *model.optimizer.variables]


def snapshot(variables: Iterable[keras.Variable]) -> list[np.ndarray]:
    """Returns copies of Keras variables, NumPy arrays."""
    return [np.asarray(v).copy() for v in variables]


def put_back(variables: Iterable[keras.Variable], arrays: Iterable[np.ndarray]) -> None:
    """Assigns the arrays of `snapshot` to the variables they were taken from, bit for bit."""
    for variable, array in zip(variables, arrays, strict=True):
        if array.dtype.kind == "V":  # a checkpoint gives bfloat16 back as bare bytes
            array = array.view(np.asarray(variable).dtype)
        variable.assign(array)


def check_settable_rate(callback: keras.callbacks.Callback, optimizer: keras.optimizers.Optimizer) -> None:
    """Raises a `RequestError` if the optimizer's learning rate is a schedule of Keras, which no callback can set."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # that of a LossScaleOptimizer
    if not isinstance(inner._learning_rate, keras.Variable):
        raise RequestError(
            f"{type(callback).__name__} sets the learning rate, but the optimizer was made with a schedule of its own: "
            "make it with a number"
        )

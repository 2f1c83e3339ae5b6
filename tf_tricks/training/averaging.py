"""The averages of the weights that optimizers keep, put to use.

The average is what is validated, tested and exported, the raw weights are what is trained: the moving average that
every Keras optimizer keeps with `use_ema=True` (Polyak & Juditsky 1992), and the x of Schedule-Free (Defazio et al.
2024, arXiv:2405.15682).
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tf_tricks.optimizers.traits import keeps_averages


@contextlib.contextmanager
def averaged_weights(optimizer: Any) -> Iterator[None]:
    """Within this context the model has the averaged weights, if the optimizer keeps any."""
    if not keeps_average(optimizer):
        yield
        return
    raw = [np.asarray(v) for v in optimizer._trainable_variables]
    finalize_averaged_weights(optimizer)
    try:
        yield
    finally:
        for variable, value in zip(optimizer._trainable_variables, raw):
            variable.assign(value)


def keeps_average(optimizer: Any) -> bool:
    """Returns whether the weights to evaluate are others than those that are trained."""
    return optimizer.use_ema or keeps_averages(optimizer)


def finalize_averaged_weights(optimizer: Any) -> None:
    """Puts the averaged weights into the model for good."""
    for variable, average in zip(optimizer._trainable_variables, _averages(optimizer)):
        variable.assign(average)


def _averages(optimizer):
    if optimizer.use_ema:
        return [np.asarray(average) for average in optimizer._model_variables_moving_average]
    return getattr(optimizer, "core", optimizer).averages()

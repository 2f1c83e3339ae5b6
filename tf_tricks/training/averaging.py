"""The moving average of the weights (EMA) that Keras optimizers keep with `use_ema=True`, put to use.

Polyak & Juditsky 1992; the average is what is validated, tested and exported, the raw weights are what is trained.
"""

import contextlib

import numpy as np


@contextlib.contextmanager
def averaged_weights(optimizer, model):
    """Within this context the model has the averaged weights, if the optimizer keeps any."""
    if not optimizer.use_ema:
        yield
        return
    raw = [np.asarray(v) for v in model.trainable_variables]
    finalize_averaged_weights(optimizer, model)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, raw):
            variable.assign(value)


def finalize_averaged_weights(optimizer, model):
    """Puts the averaged weights into the model for good."""
    for variable, average in zip(model.trainable_variables, optimizer._model_variables_moving_average):
        variable.assign(np.asarray(average))

"""The moving average of the weights: what Keras keeps, put into the model and taken out again."""

import keras
import numpy as np
import pytest
from support.problems import linear_model

from tf_tricks.optimizers import ScheduleFreeAdamW
from tf_tricks.training.averaging import averaged_weights, finalize_averaged_weights


def trained(**arguments):
    """A model after three updates with gradient 1, and what its kernel was after each."""
    model = linear_model(2)
    optimizer = keras.optimizers.SGD(0.1, **arguments)
    optimizer.build(model.trainable_variables)
    kernels = []
    for _ in range(3):
        optimizer.apply([np.ones(v.shape, "float32") for v in model.trainable_variables])
        kernels.append(model.layers[-1].kernel.numpy())
    return model, optimizer, kernels


def average(kernels, momentum):
    """θ̄ starts at the first weights, then θ̄ ← μθ̄ + (1 − μ)θ."""
    value = kernels[0]
    for kernel in kernels[1:]:
        value = momentum * value + (1 - momentum) * kernel
    return value


def test_the_average_within_the_context():
    model, optimizer, kernels = trained(use_ema=True, ema_momentum=0.5)
    with averaged_weights(optimizer):
        np.testing.assert_allclose(model.layers[-1].kernel.numpy(), average(kernels, 0.5), rtol=1e-6)


def test_the_raw_weights_after_the_context():
    model, optimizer, kernels = trained(use_ema=True, ema_momentum=0.5)
    with averaged_weights(optimizer):
        pass
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), kernels[-1])


def test_the_raw_weights_after_an_exception():
    model, optimizer, kernels = trained(use_ema=True, ema_momentum=0.5)
    with pytest.raises(ZeroDivisionError), averaged_weights(optimizer):
        1 / 0  # noqa: B018
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), kernels[-1])


def test_an_optimizer_without_averages_changes_nothing():
    model, optimizer, kernels = trained()
    with averaged_weights(optimizer):
        np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), kernels[-1])


def test_the_average_for_good():
    model, optimizer, kernels = trained(use_ema=True, ema_momentum=0.9)
    finalize_averaged_weights(optimizer)
    np.testing.assert_allclose(model.layers[-1].kernel.numpy(), average(kernels, 0.9), rtol=1e-6)


def test_schedule_free_evaluates_its_average():
    model = linear_model(2)
    optimizer = ScheduleFreeAdamW(0.1)
    optimizer.build(model.trainable_variables)
    for _ in range(3):
        optimizer.apply([np.ones(v.shape, "float32") for v in model.trainable_variables])
    trained, average = model.layers[-1].kernel.numpy(), optimizer.averages()[0]
    with averaged_weights(optimizer):
        np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), average)
    np.testing.assert_array_equal(model.layers[-1].kernel.numpy(), trained)

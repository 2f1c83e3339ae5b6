"""The learning rate between a schedule and the callbacks that change it."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from tf_tricks.schedules import noise_scale_of
from tf_tricks.schedules.plan import Step
from tf_tricks.training.state import Progress


def scaled_rate(step: Step, progress: Progress) -> np.float32:
    """Returns the rate of a step: the schedule's times what callbacks left of it, or the one that they have set."""
    if progress.fixed_rate is not None:
        return np.float32(progress.fixed_rate)
    return np.float32(step.learning_rate * progress.learning_rate_factor)


def note_rate(
    rate: float, known: float, progress: Progress, callbacks: Iterable[Any], next_step: Callable[[], Step | None]
) -> None:
    """Notes what callbacks have made of the rate: a factor on the schedule; a scheduler's takes the schedule's place.

    Args:
        rate: that the optimizer has now.
        known: that it had before the callbacks.
        progress: of the run; it is changed.
        callbacks: of the run.
        next_step: function of nothing, the step that comes.
    """
    if any(isinstance(callback, keras.callbacks.LearningRateScheduler) for callback in callbacks):
        progress.fixed_rate = rate
    elif rate != known and known > 0:
        progress.learning_rate_factor *= rate / known
    elif rate != known and (step := next_step()) is not None and step.learning_rate > 0:
        progress.learning_rate_factor = rate / step.learning_rate  # out of a rate of 0


def rate_now(optimizer: keras.optimizers.Optimizer) -> float:
    """Returns the rate that an optimizer has."""
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def noise_scale(optimizer: keras.optimizers.Optimizer, rate: float, batch_size: int, num_examples: int) -> float:
    """Returns the noise scale of an update, for the log."""
    if batch_size == num_examples:
        return 0.0  # as the formula has it; a single example has no other batch
    momentum = getattr(optimizer, "momentum", 0.0) or 0.0
    return noise_scale_of(rate, batch_size, num_examples, float(momentum))

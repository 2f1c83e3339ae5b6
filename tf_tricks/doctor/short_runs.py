"""Short training runs of a patient, all from its first state and over the same examples, so that they can be compared.

They go through the trainer's own compiled loop: optimizer, clipping, penalties and augmentation are those of the run.
"""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_tricks.data import Stream
from tf_tricks.doctor.patient import Patient
from tf_tricks.schedules.plan import count_updates
from tf_tricks.training.class_weights import class_weights
from tf_tricks.training.prepared import new_loop, prepared_loop

_A_CALL = 10  # updates a call of the loop: after each it is looked at whether the loss is still finite
_TAIL = 0.25  # the last part of a run, whose mean loss tells how far it came


class ShortRuns:
    """Makes short runs of a patient.

    Args:
        patient: `Patient`; every run begins with its first state. Call its `restore` after the last.
        stream: of other examples than the patient's, or None.
        batch_size: examples an update, or None for the patient's first batch.

    Attributes:
        batch_size: likewise.
        seconds: how long an update takes, from the second call of the loop on; 0 before.
    """

    def __init__(self, patient: Patient, stream: Stream | None = None, batch_size: int | None = None):
        self.patient = patient
        self.stream = patient.stream if stream is None else stream
        self.batch_size = first_batch_size(patient) if batch_size is None else batch_size
        make = prepared_loop if stream is None else new_loop
        weights = None if stream is not None else class_weights(patient.class_weight, self.stream.source)
        self.loop = make(patient.trainer, self.stream, weights)
        self.objective = self.loop.objective
        self.seconds = 0.0

    def warm_up(self) -> float:
        """Compiles the loop, and returns the seconds that an update takes."""
        self._begin()
        self.loop.run([0.0])
        self.seconds = self._time(2)
        if self.seconds < 0.1:
            self.seconds = min(self._time(_A_CALL) for _ in range(3))  # other programs only add to it
        return self.seconds

    def _time(self, updates):
        began = time.perf_counter()
        self.loop.run([0.0] * updates)
        return (time.perf_counter() - began) / updates

    def run(self, rates: Sequence[float], stop_below: float = -math.inf) -> np.ndarray:
        """Returns the losses of one update at each of the rates, float64 [n], from the patient's first state.

        Args:
            rates: learning rates.
            stop_below: the run ends where the mean loss of ten updates is below it. It ends, too, where a loss is not
                finite: that loss is the last.
        """
        self._begin()
        losses = np.zeros(0)
        for start in range(0, len(rates), _A_CALL):
            found, _ = self.loop.run(rates[start : start + _A_CALL])
            finite = np.isfinite(found)
            if not finite.all():
                return np.append(losses, found[: int(np.argmin(finite)) + 1])
            losses = np.append(losses, found)
            if found.mean() < stop_below:
                break
        return losses

    def _begin(self):
        self.patient.restore()
        self.loop.start(self.stream, self.batch_size, 0)


def first_batch_size(patient: Patient) -> int:
    """Returns the examples of the run's first update."""
    return int(schedules_of(patient)["batch_size"](0.0))


def schedules_of(patient: Patient) -> dict[str, Any]:
    """Returns the schedules of the run, `learning_rate` and `batch_size`: a callback's goes before the trainer's."""
    trainer = patient.trainer
    schedules = {"learning_rate": trainer.learning_rate, "batch_size": trainer.batch_size}
    for callback in patient.callbacks:
        schedules |= callback.schedules() if hasattr(callback, "schedules") else {}
    return schedules


def rates_of(patient: Patient, updates: int) -> np.ndarray:
    """Returns the learning rates of the run at so many points of it, from the first update to the last."""
    schedule = schedules_of(patient)["learning_rate"]
    half = first_batch_size(patient) / 2 / patient.stream.source.num_examples
    points = np.linspace(half, max(half, patient.epochs - half), updates)
    return np.array([schedule(float(epoch)) for epoch in points])


def largest_rate(patient: Patient) -> float:
    """Returns the largest learning rate of the run."""
    return float(rates_of(patient, 2000).max())


def number_of_updates(patient: Patient) -> int:
    """Returns how many updates the run would make."""
    batch_size = schedules_of(patient)["batch_size"]
    return max(1, count_updates(patient.stream.source.num_examples, patient.epochs, batch_size))


def tail(losses: np.ndarray) -> np.ndarray:
    """Returns the losses at the end of a run, by which it is judged: the last quarter, at least three.

    Example:
        >>> tail(np.arange(16.0)).tolist()
        [12.0, 13.0, 14.0, 15.0]
    """
    return losses[-max(3, round(_TAIL * len(losses))) :]


def level(losses: np.ndarray) -> float:
    """Returns the mean loss at the end of a run; infinity where it has diverged.

    Example:
        >>> level(np.array([9.0, 3.0, 2.0, 1.0])), level(np.array([9.0, np.nan]))
        (2.0, inf)
    """
    return float(tail(losses).mean()) if np.isfinite(losses).all() else math.inf

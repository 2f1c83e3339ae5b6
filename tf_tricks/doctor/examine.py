"""Runs the checks one after the other."""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from tf_tricks.doctor import (
    data_duplicates,
    data_labels,
    data_values,
    label_signal,
    learning_rate,
    loss,
    noise,
    one_batch,
    parts,
    propagation,
    sheet_of_examples,
    speed,
)
from tf_tricks.doctor.causes import ordered
from tf_tricks.doctor.diagnosis import Diagnosis
from tf_tricks.doctor.patient import Patient
from tf_tricks.errors import reason_of
from tf_tricks.training.retracing import expect_retracing

LOOK: Sequence[Any] = (sheet_of_examples, data_values, data_labels, data_duplicates, loss, parts)
"""Checks that only look: at the data, at the model, at what goes with what."""

RUN: Sequence[Any] = (label_signal, propagation, learning_rate, one_batch, noise, speed)
"""Checks that run the model, for which it must be possible to train it; each puts it back as it was."""

_MEANINGLESS_AFTER = ("non_finite_inputs", "nothing_trainable")
_CERTAIN = 0.9


def examine(
    patient: Patient,
    budget: float = 180.0,
    progress: Callable[[str], None] = print,
    look: Sequence[Any] | None = None,
    run: Sequence[Any] | None = None,
) -> Diagnosis:
    """Returns the `Diagnosis` of a patient; it is left as it was.

    Args:
        patient: `Patient`.
        budget: seconds; a check that would begin later is left out.
        progress: function of a line that says what is being done.
        look: modules with `check(patient, progress) -> Checked` that need no training; None for `LOOK`.
        run: such modules that do; None for `RUN`.

    Raises:
        RequestError: it cannot be trained, and no finding says why.
    """
    expect_retracing()
    examination = _Examination(patient, progress, time.monotonic() + budget)
    for module in LOOK if look is None else look:
        examination.add(module)
    run = RUN if run is None else run
    reason = examination.obstacle()
    if reason and run:
        examination.notes.append(f"left out, since {reason}: {', '.join(_name(module) for module in run)}")
    for module in () if reason else run:
        examination.add(module)
    if patient.obstacle is not None and not examination.findings:
        raise patient.obstacle
    return Diagnosis(ordered(examination.findings), examination.notes, examination.looked_at, examination.measured)


class _Examination:
    """The checks so far."""

    def __init__(self, patient, progress, end):
        self.patient, self.progress, self.end = patient, progress, end
        self.findings, self.notes, self.looked_at, self.measured = [], [], [], {}

    def add(self, module):
        name = _name(module)
        if time.monotonic() > self.end:
            self.notes.append(f"left out, since the budget is spent: {name}")
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Keras warns of is what findings say
                checked = module.check(self.patient, self.progress)
        except Exception as error:  # of one check: the others may still find what is wrong
            self.patient.restore()
            self.notes.append(f"the check of the {name} broke off: {reason_of(error)}")
            return
        self.findings += checked.findings
        self.looked_at.append(name)
        if checked.measured is not None:
            self.measured[name] = checked.measured

    def obstacle(self):
        """Why checks that run the model would say nothing, or None."""
        if self.patient.obstacle is not None:
            return f"it cannot be trained ({self.patient.obstacle})"
        certain = [f.name for f in self.findings if f.name in _MEANINGLESS_AFTER and f.confidence > _CERTAIN]
        return f"there is {certain[0]}" if certain else None


def _name(module):
    """Of `data_values` it is "data values"."""
    return module.__name__.rpartition(".")[2].replace("_", " ")

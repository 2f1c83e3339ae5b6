"""Can the model learn one batch by heart: what cannot is broken, whatever the data."""

import dataclasses
import math
from collections.abc import Callable

import keras
import numpy as np

from tf_tricks.data import Stream
from tf_tricks.doctor import reference_losses
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.short_runs import ShortRuns, largest_rate, level

_EXAMPLES = 64
_FACTORS = (1.0, 0.1, 10.0, 0.01, 100.0)  # on the given rate, until one of them does it
_MOST, _LEAST, _SECONDS = 150, 40, 8.0  # updates at each of them, and seconds for more than the least
_BY_HEART = 0.5  # of the way from the best constant answer to the right answers: dropout leaves no more to some
_FAILED = 0.3
_WEIGHTS_A_LABEL = 5  # a model of fewer need not be able to


@dataclasses.dataclass(frozen=True)
class OneBatch:
    """What the check has measured.

    Attributes:
        examples: of the batch.
        rates: that were tried, the given one first.
        curves: the losses at each of these rates.
        constant: the loss of the best constant answer, or that at the start where it is not known.
        right: the least loss there can be.
        learned: the largest part of the way between them that was made.
    """

    examples: int
    rates: list[float]
    curves: list[np.ndarray]
    constant: float
    right: float
    learned: float


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Trains on a single batch, at the given learning rate and, if that fails, at others.

    Args:
        patient: `Patient`.
        progress: function of a line that says what is being done.
    """
    given = largest_rate(patient) or 0.01
    progress("one batch: can it be learned by heart")
    try:
        measured = _measure(patient, given)
    finally:
        patient.restore()
    if measured.learned >= _FAILED or not _has_room(patient, measured.examples):
        return Checked([], measured)
    return Checked([_finding(measured)], measured)


def _measure(patient, given):
    size = _size(patient)
    inputs, labels, weights = patient.batch(size, augmented=True)
    examples = (inputs,) if labels is None else (inputs, labels) if weights is None else (inputs, labels, weights)
    runs = ShortRuns(patient, Stream(examples, seed=patient.seed), batch_size=size)
    updates = max(_LEAST, min(_MOST, int(_SECONDS / max(runs.warm_up(), 1e-9)) // 10 * 10))
    constant, right = _ends(patient, inputs, labels)
    rates, curves, learned = [], [], -math.inf
    for factor in _FACTORS:
        rates.append(given * factor)
        # Begun slowly: it is asked whether it can be learned, and not how fast.
        shape = np.minimum(1.0, np.arange(1, updates + 1) / 20)
        if math.isfinite(constant):
            curves.append(runs.run(given * factor * shape, stop_below=constant - 0.9 * (constant - right)))
        else:
            curves.append(runs.run(given * factor * shape))
        top = constant if math.isfinite(constant) else float(curves[0][0])
        learned = max(learned, (top - _end(curves[-1])) / max(top - right, 1e-30))
        if learned >= _BY_HEART:
            break
    return OneBatch(size, rates, curves, top, right, learned)


def _end(losses):
    """The mean of the last losses; a run that ends early has come far just then."""
    return level(losses[-5:])


def _size(patient):
    """Examples of the batch, which micro-batches and replicas divide."""
    trainer = patient.trainer
    size = min(_EXAMPLES, patient.stream.source.num_examples)
    if trainer.micro_batch is not None and size > trainer.micro_batch:
        return trainer.micro_batch
    return max(1, size // trainer.num_replicas) * trainer.num_replicas


def _ends(patient, inputs, labels):
    """The losses of the best constant answer, and of the right answers."""
    try:
        outputs = np.asarray(patient.trainer.model(inputs, training=False))
    except (TypeError, ValueError):
        return math.inf, 0.0
    constant = reference_losses.constant_loss(patient.trainer, labels, outputs)
    right = reference_losses.right_loss(patient.trainer, labels, outputs)
    return (constant, right) if constant > right else (math.inf, 0.0)


def _has_room(patient, examples):
    weights = sum(math.prod(v.shape) for v in patient.trainer.model.trainable_variables)
    labels = patient.batch(1)[1]
    numbers = 1 if labels is None else sum(np.size(one) for one in keras.tree.flatten(labels))
    return weights >= _WEIGHTS_A_LABEL * examples * numbers


def _finding(measured):
    rates = ", ".join(f"{rate:.2g}" for rate in measured.rates)
    least = min(_end(curve) for curve in measured.curves)
    return Finding(
        "cannot_overfit_one_batch",
        f"on {measured.examples} examples, always the same, the loss comes to {least:.3g} at best, with the rates "
        f"{rates}; a constant answer has {measured.constant:.3g}, the right answers {measured.right:.3g}",
        "A network with more weights than labels can learn a few examples by heart, even with random labels (Zhang et "
        "al. 2017, arXiv:1611.03530): where it does not, something between input and loss is broken.",
        "look at the findings beside this one first, else at the layers between inputs and outputs, one by one",
        0.6 if measured.learned < 0.1 else 0.45,
    )

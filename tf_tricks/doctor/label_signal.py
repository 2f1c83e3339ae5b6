"""Whether the labels can be predicted from the inputs at all: simple learners are asked, then the model itself.

Labels in another order than the inputs look like any others. That no learner finds anything in them does not prove it:
the finding says how many were asked, on how many examples.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.data.labels import CLASSES, DISTRIBUTIONS, INTEGERS, MULTI_HOT, ONE_HOT, Labels
from tf_tricks.doctor import looks
from tf_tricks.doctor.features import features
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.held_out import of_model
from tf_tricks.doctor.patient import Patient
from tf_tricks.doctor.probes import Probe, probe

EXAMPLES = 2000
_FEWEST = 60
_CHANCE = 4.5
"""Standard deviations above chance from which on there is something in the labels."""

_SURELY_CHANCE = 3.5
_FEW = 300
_EACH = 5  # examples of a class, on average
_COLUMNS = 64  # of labels that are many numbers


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Asks for the labels of up to `EXAMPLES` training examples.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    source = patient.stream.source
    rows = looks.spread(source, EXAMPLES)
    inputs, labels, _ = looks.fetched(source, rows)
    targets = targets_of(labels, getattr(source, "labels", None))
    if targets is None or len(targets) < _FEWEST or not targets.std(axis=0).any():
        return Checked([])
    found = probe(features(inputs), targets, progress)
    asked = ["a ridge regression", "nearest neighbours", "random trees"]
    if found.deviations < _CHANCE and not patient.obstacle and hasattr(source, "subset"):
        of_its_own = of_model(patient, rows, targets, progress)
        found = max(found, of_its_own, key=lambda one: one.deviations)
        asked.append("the model itself")
    if found.deviations >= _CHANCE:
        return Checked([])
    return Checked([_finding(found, asked, targets, labels, _are_sequences(inputs))])


def _are_sequences(inputs):
    """What depends on their order is hard for simple learners."""
    arrays = [np.asarray(array) for array in tf.nest.flatten(inputs)]
    return any(a.ndim == 3 or a.dtype.kind not in "buif" or (a.ndim == 2 and a.dtype.kind in "bui") for a in arrays)


def targets_of(labels: Any, about: Any) -> np.ndarray | None:
    """Returns labels as rows of numbers to be predicted, float32 [n, K]; None where they are no simple ones.

    Args:
        labels: array [n, ...], or None.
        about: its `Labels`, or None.

    Example:
        >>> targets_of(np.array([0, 2]), None).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if labels is None or tf.nest.is_nested(labels):
        return None
    labels = np.asarray(labels)
    kind = about.kind if isinstance(about, Labels) else CLASSES if labels.dtype.kind in "bui" else ""
    if kind == CLASSES and labels.size == len(labels):
        classes = labels.reshape(-1).astype("int64")
        return np.eye(max(2, classes.max() + 1), dtype="float32")[classes] if classes.min() >= 0 else None
    if kind == INTEGERS or (labels.dtype.kind in "bui" and kind not in (ONE_HOT, DISTRIBUTIONS, MULTI_HOT)):
        return None
    flat = labels.reshape(len(labels), -1).astype("float32")
    return flat[:, np.unique(np.linspace(0, flat.shape[1] - 1, min(_COLUMNS, flat.shape[1])).astype(int))]


def _finding(found: Probe, asked, targets, labels, sequences):
    number = len(targets)
    confidence = 0.93 if found.deviations < _SURELY_CHANCE else 0.6
    confidence *= 1.0 if number >= _FEW else 0.7
    confidence *= 0.75 if sequences else 1.0
    one_hot = np.asarray(labels).size == number and targets.shape[1] > 1
    confidence *= 0.7 if one_hot and number < _EACH * targets.shape[1] else 1.0
    best = f", the best of them ({found.learner}) by {found.deviations:.1f} standard deviations"
    return Finding(
        "labels_carry_no_signal",
        f"of {', '.join(asked)}, none predicts labels that it has not seen better than shuffled ones would be{best}, "
        f"with {number:,} examples",
        "A network can learn shuffled labels by heart (Zhang et al. 2017, arXiv:1611.03530), so that the training loss "
        "falls; what it learns holds for no other example.",
        "look at 25 examples with their labels (tf-tricks doctor --html): were inputs and labels sorted, joined or "
        "shuffled apart? If they are right, it is hard, and needs more examples or a better architecture",
        confidence,
    )

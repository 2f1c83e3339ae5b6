"""What the labels are: whether the model has an output for each, and how many examples each class has."""

import dataclasses
from collections.abc import Callable

import numpy as np

from tf_tricks.data import Source
from tf_tricks.data.labels import CLASSES, Labels, describe
from tf_tricks.doctor import looks
from tf_tricks.doctor.compared import Compared, compared
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.patient import Patient

EXAMPLES = 4096
_UNBALANCED = 10.0
"""Times as many examples as another class has, from which on it is told."""

_EACH = 8
"""Examples that a class has on average, from which on its number says something."""


@dataclasses.dataclass(frozen=True)
class Classes:
    """How many examples each class has, of those that were looked at.

    Attributes:
        counts: numbers [K]: where examples have weights, the sum of these.
        names: of the classes, or their numbers.
    """

    counts: np.ndarray
    names: list[str]


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Looks at the labels of the training, validation and test examples.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    progress("looking at the labels")
    outputs = compared(patient)
    findings = [finding for one in outputs for finding in _out_of_range(one)]
    if len(outputs) == 1 and not findings:
        for source, what in ((patient.validation, "validation"), (patient.test, "test")):
            findings += _of_another(outputs[0], source, what)
    counted = _counted(patient)
    if counted is not None and not patient.class_weight:
        findings += _unbalanced(counted)
    return Checked(findings, counted)


def _out_of_range(one: Compared) -> list[Finding]:
    about = one.about
    if about is None:
        return []
    if one.kind == "sparse_categorical_crossentropy":
        return _no_class(one, about)
    of_shares = ("binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy")
    if one.kind in of_shares and one.labels.size == one.outputs.size and (about.minimum < 0 or about.maximum > 1):
        measured = f"the labels go from {about.minimum:g} to {about.maximum:g}, and {one.kind} takes 0 to 1"
        change = "make them 0 and 1: y = (y > y.min()).astype('float32')"
        if about.minimum == -1 and about.maximum == 1:
            change += "; or give a loss for −1 and 1, config.loss = 'hinge'"
        return [_finding(measured, change, 0.97)]
    return []


def _no_class(one, about):
    ignored = getattr(one.loss, "ignore_class", None) or getattr(one.loss, "_fn_kwargs", {}).get("ignore_class")
    low = about.minimum if about.minimum != ignored else 0
    where = f"the labels go from {about.minimum:g} to {about.maximum:g}, and the model has {_outputs(one.size)}"
    if not about.integers or about.kind not in (CLASSES, "integers", "integers as floats", "values", "binary"):
        return []
    if one.size == 1 and about.maximum <= 1:
        return []  # two classes and one output: a matter of the loss
    if low < 0 or about.maximum >= one.size:
        shifted = about.maximum - about.minimum + 1 <= one.size
        change = (
            f"count the classes from 0: y = y - {about.minimum:g}"
            if shifted
            else (f"give the model an output for each class ({int(about.maximum) + 1}), or look for wrong labels")
        )
        return [_finding(where, change, 0.99)]
    if about.kind == CLASSES and about.minimum >= 1 and about.maximum >= 2:
        measured = f"{where}, so that {int(about.minimum)} of them {'is' if about.minimum == 1 else 'are'} never right"
        return [_finding(measured, f"count the classes from 0: y = y - {about.minimum:g}", 0.45)]
    return []


def _of_another(one: Compared, source: Source | None, what: str) -> list[Finding]:
    """Labels of validation and test must be classes of the training examples as well."""
    if source is None or one.kind != "sparse_categorical_crossentropy":
        return []
    about = getattr(source, "labels", None)
    if not isinstance(about, Labels):
        _, labels, _ = looks.fetched(source, looks.spread(source, EXAMPLES))
        about = describe(np.asarray(labels))
    if not about.integers or (about.minimum >= 0 and about.maximum < max(2, one.size)):
        return []
    measured = f"the {what} labels go from {about.minimum:g} to {about.maximum:g}, and the model has "
    return [_finding(measured + _outputs(one.size), "count the classes of all parts in the same way, from 0", 0.95)]


def _outputs(number):
    return "1 output" if number == 1 else f"{number} outputs, for classes 0 to {number - 1}"


def _finding(measured, change, confidence):
    why = (
        "A label without an output cannot be learned: on a CPU its loss is an error, on a GPU NaN, and labels that are "
        "shifted by one teach each output the class beside its own."
    )
    return Finding("labels_out_of_range", measured, why, change, confidence)


def _counted(patient):
    """How many examples each class has; None for labels that are no classes."""
    source = patient.stream.source
    about = getattr(source, "labels", None)
    if not isinstance(about, Labels) or about.kind not in (CLASSES, "binary", "one-hot"):
        return None
    _, labels, weights = looks.fetched(source, looks.spread(source, EXAMPLES))
    labels = np.argmax(labels, axis=1) if about.kind == "one-hot" else np.asarray(labels).reshape(-1)
    number = max(2, about.num_classes or 2)
    weights = None if weights is None or np.ndim(weights) != 1 else weights * (len(labels) / np.sum(weights))
    counts = np.bincount(labels.astype("int64"), weights, minlength=number)
    names = getattr(source, "label_names", None) or map(str, range(len(counts)))
    return Classes(counts, [str(name) for name in names])


def _unbalanced(classes):
    counts = classes.counts
    if counts.sum() < _EACH * len(counts) or counts.sum() < 40:
        return []
    there = counts[counts > 0]
    ratio = there.max() / there.min()
    if ratio < _UNBALANCED:
        return []
    most, least = int(np.argmax(counts)), int(np.argmin(np.where(counts > 0, counts, np.inf)))
    share = counts[most] / counts.sum()
    missing = int((counts == 0).sum())
    measured = f"class {classes.names[most]} has {share:.1%} of the examples, {ratio:.0f} times those of class "
    measured += classes.names[least] + (f"; {missing} classes have none" if missing else "")
    confidence = float(np.clip(0.5 + 0.2 * np.log10(ratio / _UNBALANCED), 0.5, 0.9))
    return [
        Finding(
            "classes_unbalanced",
            measured,
            f"A model that always says the largest class is right {share:.1%} of the time, and the gradient is mostly "
            "of that class (Buda et al. 2018, arXiv:1710.05381): look at accuracy by class, not in all.",
            "config.class_weight = 'balanced', in Python fit(class_weight='balanced'); or draw rare classes more often",
            confidence,
        )
    ]

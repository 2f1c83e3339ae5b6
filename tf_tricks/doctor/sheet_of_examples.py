"""25 training examples as training sees them, with their labels: what a look at finds faster than any measure."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.doctor.finding import Checked
from tf_tricks.doctor.looks import is_pictures
from tf_tricks.doctor.patient import Patient
from tf_tricks.training.contact_sheet import caption

EXAMPLES = 25
_COLUMNS = 12


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples with their labels.

    Attributes:
        pictures: array [n, height, width, channels], or None.
        rows: texts of the first numbers of each example, where they are no pictures.
        labels: a text for each.
    """

    pictures: np.ndarray | None
    rows: list[list[str]]
    labels: list[str]


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Takes the first examples of the stream; finds nothing.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    progress("drawing 25 examples")
    source = patient.stream.source
    inputs, labels, _ = patient.batch(EXAMPLES + EXAMPLES % 2, augmented=not patient.obstacle)  # what mixes wants pairs
    arrays = [np.asarray(array)[:EXAMPLES] for array in tf.nest.flatten(inputs)]
    texts = [""] * len(arrays[0])
    if labels is not None and not tf.nest.is_nested(labels):
        names = getattr(source, "num_classes", None), getattr(source, "label_names", None)
        texts = [_caption(np.asarray(label), *names) for label in labels[: len(texts)]]
    if len(arrays) == 1 and is_pictures(arrays[0]):
        return Checked([], Examples(arrays[0], [], texts))
    rows = np.concatenate([array.reshape(len(array), -1).astype(object) for array in arrays], axis=1)
    shown = [[_text(value) for value in row[:_COLUMNS]] + ["…"] * (len(row) > _COLUMNS) for row in rows]
    return Checked([], Examples(None, shown, texts))


def _caption(label: Any, num_classes: int | None, names: Any) -> str:
    if names is not None and label.size == 1 and not 0 <= int(label.reshape(())) < len(names):
        return str(label.reshape(()))
    label = label.reshape(()) if label.size == 1 else label
    return caption(label, num_classes, names)


def _text(value):
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return f"{value:.3g}" if isinstance(value, (float, np.floating)) else str(value)

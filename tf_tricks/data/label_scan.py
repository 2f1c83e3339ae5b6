"""What labels are, found out batch by batch."""

from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.data.labels import (
    BINARY,
    CLASSES,
    DISTRIBUTIONS,
    FLOAT_INTEGERS,
    INTEGERS,
    MULTI_HOT,
    ONE_HOT,
    VALUES,
    Labels,
    describe,
)
from tf_tricks.errors import NoClass, RequestError

_WIDER = {
    frozenset({ONE_HOT, DISTRIBUTIONS}): DISTRIBUTIONS,
    frozenset({ONE_HOT, MULTI_HOT}): MULTI_HOT,
    frozenset({BINARY, FLOAT_INTEGERS}): FLOAT_INTEGERS,
    frozenset({ONE_HOT, INTEGERS}): INTEGERS,
    frozenset({MULTI_HOT, INTEGERS}): INTEGERS,
}
"""What two kinds are together; others are `VALUES`."""


class LabelScan:
    """Gathers the `Labels` of a data set that is read in batches.

    Args:
        num_classes: classes, if there may be more than the labels show.
        state: from `state`, to go on from; None at the beginning.

    Example:
        >>> scan = LabelScan()
        >>> scan.add((np.zeros((2, 1)), np.array([0, 1])))
        >>> scan.add((np.zeros((2, 1)), np.array([4, 1])))
        >>> scan.labels()[0].num_classes
        5
    """

    def __init__(self, num_classes: int | None = None, state: Any = None):
        self._num_classes = num_classes
        self._found: list[Labels] = [Labels(*fields) for fields in state or []]

    def add(self, batch: tuple[Structure, ...]) -> None:
        """Looks at a batch, (inputs, labels, …) of arrays; there may be no labels."""
        if len(batch) == 1:
            return
        arrays = tf.nest.flatten(batch[1])
        for array in arrays:
            if array.dtype.kind not in "buif":
                raise RequestError(
                    f"the labels must be numbers, not {array.dtype}: give the classes as integers from 0"
                )
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise NoClass("the labels must be finite, and some are NaN or infinite")
        new = [describe(array, self._num_classes if len(arrays) == 1 else None) for array in arrays]
        self._found = new if not self._found else [_together(a, b) for a, b in zip(self._found, new)]

    def labels(self) -> list[Labels]:
        """Returns what was found, for each array of labels."""
        return self._found

    def state(self) -> list[Any]:
        """Returns what `LabelScan` can go on from, as JSON can hold it."""
        return [list(labels) for labels in self._found]


def _together(one, other):
    kind = one.kind if one.kind == other.kind else _WIDER.get(frozenset({one.kind, other.kind}), VALUES)
    number, outputs = None, max(_columns(one), _columns(other))
    if kind == CLASSES:
        number = outputs = max(one.num_classes, other.num_classes)
    elif kind in (ONE_HOT, DISTRIBUTIONS, MULTI_HOT):
        number = outputs
    minimum, maximum = min(one.minimum, other.minimum), max(one.maximum, other.maximum)
    return Labels(kind, number, outputs, minimum, maximum, one.integers and other.integers)


def _columns(labels):
    return 1 if labels.kind == CLASSES else labels.num_outputs

"""What labels are, as far as their numbers tell: classes, one-hot rows, distributions, several at once, or values."""

from typing import Any, NamedTuple

import numpy as np

from tf_tricks.errors import NoClass, RequestError, check_number

CLASSES = "classes"
ONE_HOT = "one-hot"
DISTRIBUTIONS = "distributions"
MULTI_HOT = "multi-hot"
BINARY = "binary"
FLOAT_INTEGERS = "integers as floats"
INTEGERS = "integers"
VALUES = "values"


class Labels(NamedTuple):
    """What is known of an array of labels.

    Attributes:
        kind: `CLASSES` (integers [n] or [n, 1] from 0), `ONE_HOT` (rows with a single 1), `DISTRIBUTIONS` (rows that
            sum to 1), `MULTI_HOT` (rows of zeros and ones), `BINARY` (floats 0 and 1), `FLOAT_INTEGERS` (floats [n],
            all of them integers: classes or values), `INTEGERS` (several for each example: classes, of tokens or pixels
            for instance, or values) or `VALUES` (everything else).
        num_classes: K, or None for binary labels and for values.
        num_outputs: what a model has to put out.
        minimum: of all labels.
        maximum: of all labels.
        integers: whether all of them are integers.
    """

    kind: str
    num_classes: int | None
    num_outputs: int
    minimum: float
    maximum: float
    integers: bool = True


def describe(labels: np.ndarray, num_classes: Any = None) -> Labels:
    """Returns the `Labels` of an array [n, ...].

    Args:
        labels: the array.
        num_classes: K, if there may be more classes than the labels show; None takes the largest label.

    Raises:
        RequestError: a label is not below `num_classes`.

    Example:
        >>> import numpy as np
        >>> [describe(np.array(labels)).kind for labels in ([0, 2, 1], [[0.0, 1.0], [1.0, 0.0]], [0.5, 2.0])]
        ['classes', 'one-hot', 'values']
    """
    minimum, maximum = labels.min().item(), labels.max().item()
    kind, last = _kind(labels, minimum), labels.shape[-1] if labels.ndim > 1 else 1
    if kind == FLOAT_INTEGERS and num_classes is not None:
        kind = CLASSES
    if kind == CLASSES:
        number = int(maximum) + 1 if num_classes is None else num_classes
        check_number("num_classes", number, minimum=1, integer=True)
        for label in (minimum, maximum):
            if not 0 <= label < number:
                raise NoClass(f"the labels must be from 0 to {number - 1}, the classes, not {label}")
        return Labels(kind, number, number, minimum, maximum)
    if num_classes is not None and (kind not in (ONE_HOT, DISTRIBUTIONS, MULTI_HOT) or last != num_classes):
        raise RequestError(f"num_classes is {num_classes}, but the labels are {_in_words(kind, last)}")
    number = last if kind in (ONE_HOT, DISTRIBUTIONS, MULTI_HOT) else None
    integers = labels.dtype.kind in "bui" or bool((labels == np.round(labels)).all())
    return Labels(kind, number, last, minimum, maximum, integers)


def _kind(labels, minimum):
    column = labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] == 1)
    if labels.dtype.kind in "bui" and column:
        return CLASSES if minimum >= 0 else VALUES
    if column:
        if np.isin(labels, (0, 1)).all():
            return BINARY
        return FLOAT_INTEGERS if minimum >= 0 and (labels == np.round(labels)).all() else VALUES
    if labels.ndim != 2 or minimum < 0:
        return INTEGERS if labels.dtype.kind in "bui" else VALUES
    sums = labels.sum(axis=1)
    if np.isin(labels, (0, 1)).all():
        return ONE_HOT if (sums == 1).all() else MULTI_HOT
    if labels.dtype.kind in "bui":
        return INTEGERS
    return DISTRIBUTIONS if np.allclose(sums, 1, atol=1e-3) else VALUES


def _in_words(kind, last):
    return f"{kind} of {last} numbers each" if last > 1 else f"{kind}, a number each"

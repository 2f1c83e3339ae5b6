"""A batch of labels and outputs as rows: a row for each example, or for each of its tokens or pixels."""

from typing import NamedTuple

import numpy as np

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, RunError
from tf_tricks.training.outputs import NUMBERS, ONE_CLASS, SCORES, SEVERAL_CLASSES, TWO_CLASSES, Output, probabilities


class Rows(NamedTuple):
    """Labels and predictions, a row for each place that has a label.

    Attributes:
        labels: what is right: classes, int64 [m], or floats [m, size], a number or a part for each.
        values: what the model says: probabilities, scores or numbers, float64 [m, size].
        weights: what each row counts, float64 [m].
        examples: the position of the example that each belongs to, int64 [m].
    """

    labels: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    examples: np.ndarray

    @property
    def classes(self) -> np.ndarray:
        """The right class of each row, int64 [m]; of a distribution the most likely one."""
        return self.labels if self.labels.ndim == 1 else self.labels.argmax(axis=-1)


def rows_of(
    output: Output, labels: Tensor, values: np.ndarray, mask: np.ndarray, weights: Tensor | None, start: int
) -> Rows:
    """Returns the `Rows` of a batch; a single number for two classes becomes one for each of them.

    Args:
        output: what the values mean.
        labels: numbers [b, ...], as the loss takes them.
        values: the model's output [b, ...].
        mask: whether its places count, bool [b, ...].
        weights: what its examples or places count, numbers [b], [b, 1] or like `mask`, or None for 1.
        start: the position of the first example.

    Raises:
        RequestError: labels or weights have another shape than these.
        RunError: the model gives what is not finite.
    """
    labels, number = np.asarray(labels), len(values)
    values = probabilities(output, values).reshape(number, -1, output.size)
    places = values.shape[1]
    if not np.isfinite(values).all():
        bad = start + int(np.argmin(np.isfinite(values).all(axis=(1, 2))))
        raise RunError(f"the model gives numbers that are not finite for the example {bad} (counted from 0)")
    counts = mask.reshape(number, -1).astype("float64")
    size = values.shape[-1]
    if output.task in (TWO_CLASSES, SEVERAL_CLASSES):
        labels = np.maximum(labels, 0)  # -1 and 1, as hinge losses have them
    if output.task == TWO_CLASSES:
        values, size = of_both_classes(output, values), 2
    if output.task == TWO_CLASSES or (output.task == ONE_CLASS and labels.size != values.size):
        classes = _classes(output, labels, number, places)
        if output.ignore_class is not None:
            counts = counts * (classes != output.ignore_class)
            classes = np.where(classes == output.ignore_class, 0, classes)
        _check_range(classes, size)
        labels = classes.ravel()
    elif labels.size == values.size:
        labels = labels.astype("float64").reshape(-1, size)
    else:
        shape = [number, *output.shape, output.size]
        raise RequestError(f"the report cannot compare the outputs {shape} with labels {list(labels.shape)}")
    counts = counts * _weights(weights, number, places)
    examples = np.repeat(start + np.arange(number), places)
    return Rows(labels, values.reshape(-1, size), counts.ravel(), examples)


def of_both_classes(output: Output, values: np.ndarray) -> np.ndarray:
    """Returns what a single number [..., 1] says of two classes as a number for each of them, [..., 2].

    Args:
        output: what the number means: the probability of the second class, or a score above 0 for it.
        values: probabilities or scores.
    """
    if output.gives == SCORES:
        return np.concatenate([-values / 2, values / 2], axis=-1)
    return np.concatenate([1 - values, values], axis=-1)


def losses_of(output: Output, rows: Rows) -> np.ndarray:
    """Returns how wrong each row is, float64 [m].

    Of classes it is the cross-entropy, of several at once the mean over them; of scores how far another class's is
    above the right one's less 1, the hinge loss; of numbers the root of the mean square of the errors.
    """
    labels, values = rows.labels, rows.values
    if output.task == NUMBERS:
        return np.sqrt(np.mean((values - labels) ** 2, axis=-1))
    if output.task == SEVERAL_CLASSES and output.gives == SCORES:
        return np.maximum(0, 1 - (2 * labels - 1) * values).mean(axis=-1)
    if output.task == SEVERAL_CLASSES:
        return -(labels * _log(values) + (1 - labels) * _log(1 - values)).mean(axis=-1)
    if output.gives == SCORES:
        right = np.take_along_axis(values, rows.classes[:, None], axis=-1)
        others = np.where(np.arange(values.shape[1]) == rows.classes[:, None], -np.inf, values)
        return np.maximum(0, 1 + others.max(axis=-1) - right[:, 0])
    if labels.ndim == 1:
        return -_log(np.take_along_axis(values, labels[:, None], axis=-1)[:, 0])
    return -(labels * _log(values)).sum(axis=-1)


def by_example(rows: Rows, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the positions of the examples that count, and of each the mean of `values` over its rows, by weight.

    Args:
        rows: whose.
        values: a number for each row.

    Example:
        >>> rows = Rows(None, None, np.array([1.0, 3.0, 0.0]), np.array([7, 7, 8]))
        >>> [array.tolist() for array in by_example(rows, np.array([0.0, 4.0, 9.0]))]
        [[7], [3.0]]
    """
    examples, places = np.unique(rows.examples, return_inverse=True)
    weights = np.bincount(places, rows.weights)
    sums = np.bincount(places, rows.weights * values)
    counted = weights > 0
    return examples[counted], sums[counted] / weights[counted]


def _classes(output, labels, number, places):
    if labels.size != number * places:
        raise RequestError(
            f"the report needs a class, or a number for each of {output.size} classes, for every place of the outputs, "
            f"and the labels are {list(labels.shape)}"
        )
    return np.round(labels).astype("int64").reshape(number, places)


def _check_range(classes, number):
    if classes.size and (classes.min() < 0 or classes.max() >= number):
        wrong = classes.min() if classes.min() < 0 else classes.max()
        raise RequestError(f"the labels must be classes from 0 to {number - 1}, not {wrong}")


def _log(probabilities):
    return np.log(np.maximum(probabilities, np.finfo("float32").tiny))


def _weights(weights, number, places):
    if weights is None:
        return np.ones((number, places))
    weights = np.asarray(weights, "float64").reshape(number, -1)
    if weights.shape[1] not in (1, places):
        raise RequestError(
            f"the report takes a weight for each example, or for each of its {places} places, not {weights.shape[1]}"
        )
    return np.broadcast_to(weights, (number, places))

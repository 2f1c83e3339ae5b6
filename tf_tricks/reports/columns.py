"""Predictions as columns of a table, or as arrays."""

from typing import Any

import numpy as np

from tf_tricks.reports.rows import of_both_classes
from tf_tricks.training.outputs import NUMBERS, ONE_CLASS, SCORES, SEVERAL_CLASSES, TWO_CLASSES, Output

TEXT, NUMBER = "text", "number"
BETWEEN = "|"
"""What stands between the names of several classes."""


def names_of(output: Output, sampled: bool) -> dict[str, str]:
    """Returns the name of each column of an output, and whether it holds `TEXT` or a `NUMBER`.

    Args:
        output: whose predictions.
        sampled: whether there are standard deviations.

    Example:
        >>> list(names_of(Output("", ONE_CLASS, "logits", ["cat", "dog"], [], 2), sampled=False))
        ['prediction', 'probability', 'probability_cat', 'probability_dog']
    """
    if output.task == NUMBERS:
        kinds = ["prediction", "deviation"] if sampled else ["prediction"]
        several = [f"_{i}" for i in range(output.size)] if output.size > 1 else [""]
        return {_named(output, kind + end): NUMBER for kind in kinds for end in several}
    kind, classes = _kind(output), output.classes or []
    if output.task == TWO_CLASSES and output.gives == SCORES:  # one score, above 0 for the second class
        names = {"prediction": TEXT, kind: NUMBER} | ({"deviation": NUMBER} if sampled else {})
        return {_named(output, name): what for name, what in names.items()}
    found = {"prediction": TEXT}
    if output.task != SEVERAL_CLASSES:
        found[kind] = NUMBER
    found |= {f"{kind}_{name}": NUMBER for name in classes}
    if sampled:
        found |= {"entropy": NUMBER} if _has_entropy(output) else {}
        found |= {f"deviation_{name}": NUMBER for name in classes}
    return {_named(output, name): what for name, what in found.items()}


def columns_of(output: Output, mean: np.ndarray, deviation: np.ndarray | None) -> dict[str, Any]:
    """Returns the columns of a batch, in the order of `names_of`; None or NaN where there is no prediction.

    Args:
        output: without places: one prediction for each example.
        mean: what the model says, float64 [b, size], NaN where there is nothing.
        deviation: the standard deviation, likewise, or None.
    """
    mean = mean.reshape(len(mean), -1)
    sampled = deviation is not None
    deviation = None if deviation is None else deviation.reshape(mean.shape)
    if output.task == NUMBERS:
        numbers = mean if deviation is None else np.concatenate([mean, deviation], axis=1)
        return dict(zip(names_of(output, sampled), numbers.T))
    there = np.isfinite(mean).all(axis=1)
    if output.task == TWO_CLASSES and output.gives == SCORES:
        predicted = _predicted(output, of_both_classes(output, mean), there)
        return dict(zip(names_of(output, sampled), [predicted, mean[:, 0], deviation[:, 0] if sampled else None]))  # type: ignore[index]
    if output.task == TWO_CLASSES:
        mean = of_both_classes(output, mean)
        deviation = None if deviation is None else np.repeat(deviation, 2, axis=1)
    columns: list[Any] = [_predicted(output, mean, there)]
    if output.task != SEVERAL_CLASSES:
        columns.append(np.where(there, mean.max(axis=1), np.nan))
    columns += list(mean.T)
    if deviation is not None:
        columns += [entropy_of(mean)] if _has_entropy(output) else []
        columns += list(deviation.T)
    return dict(zip(names_of(output, sampled), columns))


def arrays_of(output: Output, mean: np.ndarray, deviation: np.ndarray | None) -> dict[str, np.ndarray]:
    """Returns the predictions of a batch as arrays [b, ...], also of outputs that say something of each token or pixel.

    Of one class `prediction` is its number, -1 where there is none, of several at once whether each is there.

    Args:
        output: whose predictions.
        mean: as in `columns_of`, [b, ..., size].
        deviation: likewise.
    """
    found: dict[str, np.ndarray] = {}
    if output.task == NUMBERS:
        found["prediction"] = mean.astype("float32")
    else:
        mean = mean.reshape(len(mean), *mean.shape[1 : 1 + len(output.shape)], output.size)
        if output.task == TWO_CLASSES:
            mean = of_both_classes(output, mean)
            deviation = None if deviation is None else np.repeat(deviation.reshape(*mean.shape[:-1], 1), 2, axis=-1)
        there = np.isfinite(mean).all(axis=-1)
        if output.task == SEVERAL_CLASSES:
            found["prediction"] = mean > _threshold(output)
        else:
            found["prediction"] = np.where(there, np.nan_to_num(mean).argmax(axis=-1), -1).astype("int32")
        found["scores" if output.gives == SCORES else "probabilities"] = mean.astype("float32")
        if deviation is not None and _has_entropy(output):
            found["entropy"] = entropy_of(mean).astype("float32")
    if deviation is not None:
        found["deviation" if output.task == NUMBERS else "deviations"] = deviation.astype("float32")
    return {_named(output, name): array for name, array in found.items()}


def entropy_of(distributions: np.ndarray) -> np.ndarray:
    """Returns the entropy −Σ p log p of distributions [..., K], in nats.

    Example:
        >>> entropy_of(np.array([[1.0, 0.0], [0.5, 0.5]])).round(3).tolist()
        [0.0, 0.693]
    """
    logs = np.log(np.maximum(distributions, np.finfo("float64").tiny))
    return np.abs(-(distributions * logs).sum(axis=-1))  # no -0


def _predicted(output, mean, there):
    names = np.array(output.classes, dtype=object)
    if output.task == SEVERAL_CLASSES:
        return [BETWEEN.join(names[row > _threshold(output)]) if ok else None for row, ok in zip(mean, there)]
    best = names[np.nan_to_num(mean).argmax(axis=1)]
    return [name if ok else None for name, ok in zip(best, there)]


def _threshold(output):
    return 0.0 if output.gives == SCORES else 0.5


def _has_entropy(output):
    return output.task in (ONE_CLASS, TWO_CLASSES) and output.gives != SCORES


def _kind(output):
    return "score" if output.gives == SCORES else "probability"


def _named(output, name):
    return f"{output.name}_{name}" if output.name else name

"""What an example of each class counts in training."""

from typing import Any

import numpy as np

from tf_tricks.data.in_order import in_order
from tf_tricks.errors import RequestError


def class_weights(given: Any, source: Any) -> np.ndarray | None:
    """Returns `fit`'s `class_weight` as float32 [K], or None.

    Args:
        given: dict of class to weight (1 for those that it lacks), `"balanced"` (n / (K · examples of the class)), or
            None.
        source: of the training examples, whose labels are integers [n], one-hot rows or distributions.

    Raises:
        RequestError: it cannot be used with these labels.
    """
    if given is None:
        return None
    if source.has_weights:
        raise RequestError("class_weight and weights of the examples cannot be given at the same time, as in Keras")
    labels = labels_of_classes(source)
    if labels is None:
        raise RequestError("class_weight needs labels that are classes, in one array")
    number = labels.shape[1] if labels.ndim == 2 and labels.shape[1] > 1 else int(labels.max()) + 1
    if isinstance(given, str) and given == "balanced":
        counts = (
            labels.sum(axis=0)
            if labels.ndim == 2 and labels.shape[1] > 1
            else np.bincount(labels.reshape(-1).astype(int))
        )
        return (counts.sum() / (number * np.maximum(counts, 1e-9)) * (counts > 0)).astype("float32")
    if not hasattr(given, "items"):
        raise RequestError(f"class_weight must be a dict of class to weight, or 'balanced', not {given!r}")
    weights = np.ones(number, "float32")
    for key, value in given.items():
        if not isinstance(key, (int, np.integer)) or not 0 <= key < number:
            raise RequestError(f"class_weight has a weight for {key!r}, and the classes are 0 to {number - 1}")
        if not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
            raise RequestError(f"class_weight of class {key} must be a number at least 0, not {value!r}")
        weights[key] = value
    return weights


def labels_of_classes(source: Any) -> np.ndarray | None:
    """Returns the labels of a source of classes, an array [n, ...]; None where they are none, or several.

    Args:
        source: of `tf_tricks.data`.
    """
    kind = getattr(getattr(source, "labels", None), "kind", None)
    if kind not in ("classes", "one-hot", "distributions", "binary", "integers as floats"):
        return None
    known = source.all_labels() if hasattr(source, "all_labels") else None
    if known is not None:
        return known
    return np.concatenate([labels for _, labels, *_ in in_order(source, 1024)])

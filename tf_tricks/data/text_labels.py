"""Labels that are the names of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_tricks.errors import RequestError, unknown


def is_text(labels: Any) -> bool:
    """Returns whether labels are one array of texts."""
    if labels is None or hasattr(labels, "items") or isinstance(labels, tuple):
        return False
    try:
        labels = np.asarray(labels)
    except ValueError:
        return False
    return labels.dtype.kind in "US" or (
        labels.dtype == object and labels.size > 0 and all(isinstance(label, (str, bytes)) for label in labels.flat)
    )


def names_of(labels: Any) -> list[str]:
    """Returns the names of the classes in alphabetical order; labels are texts [n] or [n, 1].

    Example:
        >>> names_of(["dog", "cat", "dog"])
        ['cat', 'dog']
    """
    return sorted(set(_texts(labels)))


def encode(where: str, labels: Any, names: Sequence[str]) -> np.ndarray:
    """Returns classes, integers [n], for labels that are their names.

    Args:
        where: they are, for the sentence.
        labels: texts [n] or [n, 1].
        names: of the classes.

    Raises:
        RequestError: a label is none of the names.

    Example:
        >>> encode("y_test", ["dog", "cat"], ["cat", "dog"]).tolist()
        [1, 0]
    """
    if not is_text(labels):
        raise RequestError(f"{where}: the labels of the training examples are texts, and these are not")
    number = {name: i for i, name in enumerate(names)}
    texts = _texts(labels)
    for text in texts:
        if text not in number:
            raise unknown(f"class among the training examples for the label in {where}", text, names)
    return np.array([number[text] for text in texts], "int32")


def _texts(labels):
    labels = np.asarray(labels)
    if labels.ndim > 2 or (labels.ndim == 2 and labels.shape[1] != 1):
        raise RequestError(f"labels that are texts must be one for each example, not {list(labels.shape)}")
    return [text.decode() if isinstance(text, bytes) else str(text) for text in labels.ravel().tolist()]

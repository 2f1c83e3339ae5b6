"""metrics.jsonl: one JSON object a line, which can be cut back to what a checkpoint knew."""

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from tf_tricks.training.checkpoint import write_atomically


def numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a dict of numbers: an array, as metrics of each class are, becomes one for each of its elements.

    Example:
        >>> numbers({"loss": 0.5, "f1": np.array([0.25, 1.0])})
        {'loss': 0.5, 'f1/0': 0.25, 'f1/1': 1.0}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            flat |= {f"{name}/{i}": float(element) for i, element in enumerate(value.ravel())}
        else:
            flat[name] = value
    return flat


class MetricsFile:
    """Appends one JSON object a line to a file, and can be cut back to what a checkpoint knew.

    Args:
        path: the file; may be remote.
    """

    def __init__(self, path: epath.PathLike):
        self._path = epath.Path(path)

    def cut(self, size: int) -> None:
        """Leaves the first `size` bytes; what was written after the checkpoint will be written again."""
        if self._path.exists() and self._path.stat().length > size:
            write_atomically(self._path, self._path.read_bytes()[:size])

    def write(self, **values) -> None:
        """Appends a line; a value that JSON has no number for (NaN, infinity) becomes null."""
        values = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        with self._path.open("a") as file:
            file.write(json.dumps(values) + "\n")

    def size(self) -> int:
        """Returns the size in bytes, once a local disk has all of it."""
        if not self._path.exists():
            return 0
        if os.path.exists(self._path):
            with open(self._path, "rb") as file:
                os.fsync(file.fileno())
        return self._path.stat().length

"""metrics.jsonl: one JSON object a line, which can be cut back to what a checkpoint knew."""

import json
import math
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from etils import epath

from tf_tricks.storage import is_remote, path_of, write_atomically
from tf_tricks.storage.mirror import Pace


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

    An object store cannot append: there the file is written anew, all of it, when its size is asked for or it is
    closed, and in between as rarely as `Pace` says.

    Args:
        path: the file; may be remote.
    """

    def __init__(self, path: epath.PathLike):
        self._path = path_of(path)
        self._lines: _Lines | _RemoteLines = _RemoteLines(self._path) if is_remote(self._path) else _Lines(self._path)

    def cut(self, size: int) -> None:
        """Leaves the first `size` bytes; what was written after the checkpoint will be written again."""
        self._lines.cut(size)

    def write(self, **values) -> None:
        """Appends a line; a value that JSON has no number for (NaN, infinity) becomes null."""
        values = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        self._lines.append(json.dumps(values).encode() + b"\n")

    def size(self) -> int:
        """Returns the size in bytes, once a local disk, or the store, has all of it."""
        return self._lines.size()


class _Lines:
    """A file of a disk."""

    def __init__(self, path):
        self._path = path

    def cut(self, size):
        if self._path.exists() and self._path.stat().length > size:
            write_atomically(self._path, self._path.read_bytes()[:size])

    def append(self, line):
        with self._path.open("ab") as file:
            file.write(line)

    def size(self):
        if not self._path.exists():
            return 0
        with open(self._path, "rb") as file:
            os.fsync(file.fileno())
        return self._path.stat().length


class _RemoteLines:
    """An object, of which there is a copy in memory."""

    def __init__(self, path):
        self._path, self._pace = path, Pace()
        self._content: Any = None
        self._uploaded = 0

    def cut(self, size):
        before = self._read()
        self._content = bytearray(before[:size])
        self._uploaded = len(before)
        if len(before) > size:
            self._upload()

    def append(self, line):
        if self._content is None:
            self.cut(len(self._read()))
        self._content += line
        if self._pace.is_due():
            self._upload()

    def size(self):
        if self._content is None:
            return len(self._read())
        if len(self._content) != self._uploaded:
            self._upload()
        return len(self._content)

    def _read(self):
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def _upload(self):
        began = time.monotonic()
        self._path.write_bytes(bytes(self._content))
        self._uploaded = len(self._content)
        self._pace.note(began, self._uploaded)

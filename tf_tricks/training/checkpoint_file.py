"""A checkpoint as one file: a NumPy archive followed by its SHA-256, so that it tells when it is damaged.

On a disk it is written beside its place and renamed, in an object store it is uploaded to its place, where it appears
whole: so a reader sees the old state or the new one and never half of either.
"""

import hashlib
import io
import json
import zipfile
from typing import Any

import numpy as np
from etils import epath

from tf_tricks.storage import write_atomically

SUFFIX = ".ckpt"
_DIGEST = 32


def write_file(path: epath.Path, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
    """Writes one checkpoint.

    Args:
        path: where to; may be remote.
        arrays: dict of name to NumPy array.
        values: what JSON can hold.
    """
    payload = packed(arrays, values)
    write_atomically(path, payload + hashlib.sha256(payload).digest())


def read_file(path: epath.Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Returns (arrays, values) of a checkpoint, or None if it is damaged."""
    content = path.read_bytes()
    payload, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    try:
        return unpacked(payload)
    except (ValueError, zipfile.BadZipFile):
        return None


def packed(arrays: dict[str, np.ndarray], values: dict[str, Any]) -> bytes:
    """Returns a NumPy archive of arrays, and of values that JSON can hold."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{"__values__": np.array(json.dumps(values))})  # type: ignore[arg-type]
    return buffer.getvalue()


def unpacked(payload: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Undoes `packed`.

    Example:
        >>> unpacked(packed({"a": np.arange(2)}, {"step": 3}))
        ({'a': array([0, 1])}, {'step': 3})
    """
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return arrays, json.loads(str(arrays.pop("__values__")))

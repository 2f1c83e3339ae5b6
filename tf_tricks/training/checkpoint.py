"""Checkpoints that survive a kill at any instant and tell when they are damaged.

One file holds all of a run's state: a NumPy archive followed by its SHA-256. It is written beside its place and
renamed, so a reader sees the old state or the new one and never half of either.
"""

import hashlib
import io
import json
import os
import re
import zipfile

import numpy as np
from absl import logging
from etils import epath

_DIGEST = 32


def save(folder, step, arrays, values, keep=3):
    """Writes one checkpoint and deletes all but the newest `keep`.

    Args:
        folder: where the checkpoints lie; made if missing; may be remote.
        step: updates done, the checkpoint's name.
        arrays: dict of name to NumPy array.
        values: what JSON can hold: numbers, strings, lists, dicts.
        keep: how many to leave, at least 1.
    """
    folder = epath.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{"__values__": np.array(json.dumps(values))})
    payload = buffer.getvalue()
    write_atomically(folder / f"{step:010d}.ckpt", payload + hashlib.sha256(payload).digest())
    for old in _files(folder)[:-keep]:
        old.unlink(missing_ok=True)


def load_newest(folder):
    """Returns (arrays, values) of the newest undamaged checkpoint in `folder`, or None if there is none.

    A damaged file is passed over for the one before, with a warning.
    """
    for file in reversed(_files(epath.Path(folder))):
        content = file.read_bytes()
        payload, digest = content[:-_DIGEST], content[-_DIGEST:]
        if hashlib.sha256(payload).digest() != digest:
            logging.warning("%s is damaged; using the checkpoint before it", file)
            continue
        try:
            with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (ValueError, zipfile.BadZipFile):
            logging.warning("%s cannot be read; using the checkpoint before it", file)
            continue
        return arrays, json.loads(str(arrays.pop("__values__")))
    return None


def write_atomically(path, content):
    """Writes the bytes `content` to `path`, all or nothing, and waits until a local disk has them."""
    path = epath.Path(path)
    partial = path.parent / f".{path.name}.partial"
    partial.write_bytes(content)
    if os.path.exists(partial):  # a local file
        _sync(partial)
    partial.replace(path)
    if os.path.exists(path.parent):
        _sync(path.parent)


def _sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(folder):
    if not folder.exists():
        return []
    return sorted(file for file in folder.iterdir() if re.fullmatch(r"\d+\.ckpt", file.name))

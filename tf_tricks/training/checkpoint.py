"""Checkpoints that survive a kill at any instant and tell when they are damaged.

One file holds all of a run's state: a NumPy archive followed by its SHA-256. On a disk it is written beside its place
and renamed, in an object store it is uploaded to its place, where it appears whole: so a reader sees the old state or
the new one and never half of either.
"""

import contextlib
import hashlib
import io
import json
import os
import re
import time
import zipfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from absl import logging
from etils import epath

from tf_tricks.errors import RequestError, check_number
from tf_tricks.storage import is_remote, path_of

_DIGEST = 32


class Checkpoints:
    """The checkpoints of one run: the newest of those that are there, and when the next is due.

    Args:
        folder: where they lie, local or remote; made when the first is saved.
        epochs: epochs from one to the next, at least 1.
        minutes: the most that pass without one within an epoch, above 0.
        keep: how many to keep, the newest; at least 1.

    Attributes:
        run_id: of the run whose they are, or None where that is not known; each holds it.
    """

    def __init__(self, folder: epath.PathLike, epochs: int = 1, minutes: float = 10.0, keep: int = 3):
        self.folder = path_of(folder)
        self._every_epochs = check_number("checkpoint_epochs", epochs, minimum=1, integer=True)
        self._every_seconds = 60 * check_number("checkpoint_minutes", minutes, above=0)
        self._keep = check_number("keep", keep, minimum=1, integer=True)
        self._epochs, self._saved_at = 0, time.time()
        self.run_id: str | None = None

    def newest(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Returns (arrays, values) of the newest that can be read, or None; the time to the next counts from here.

        Raises:
            RequestError: it is another run's.
        """
        self._epochs, self._saved_at = 0, time.time()
        found = load_newest(self.folder)
        if found is not None and self.run_id != (of := found[1].get("run_id", self.run_id)):
            raise RequestError(
                f"the checkpoints in {self.folder} are another run's: {of}, and config.json says {self.run_id}"
            )
        return found

    def is_due(self, ends_epoch: bool) -> bool:
        """Returns whether to save; to be asked after each call of the loop, `ends_epoch` where it ended an epoch."""
        self._epochs += ends_epoch
        return self._epochs >= self._every_epochs or time.time() - self._saved_at > self._every_seconds

    def save(self, step: int, arrays: dict[str, Any], values: dict[str, Any]) -> None:
        """Writes one, named by the number of updates done, and deletes those that are too old to keep."""
        self._epochs, self._saved_at = 0, time.time()
        save(self.folder, step, arrays, values | {"run_id": self.run_id}, self._keep)


def save(folder: epath.PathLike, step: int, arrays: dict[str, Any], values: dict[str, Any], keep: int = 3) -> None:
    """Writes one checkpoint and deletes all but the newest `keep`.

    Args:
        folder: where the checkpoints lie; made if missing; may be remote.
        step: updates done, the checkpoint's name.
        arrays: dict of name to NumPy array.
        values: what JSON can hold: numbers, strings, lists, dicts.
        keep: how many to leave, at least 1.
    """
    folder = path_of(folder)
    folder.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays, **{"__values__": np.array(json.dumps(values))})  # type: ignore[arg-type]
    payload = buffer.getvalue()
    write_atomically(folder / f"{step:010d}.ckpt", payload + hashlib.sha256(payload).digest())
    for old in _files(folder)[:-keep]:
        old.unlink(missing_ok=True)


def load_newest(folder: epath.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Returns (arrays, values) of the newest undamaged checkpoint in `folder`, or None if there is none.

    A damaged file is passed over for the one before, with a warning.

    Raises:
        RequestError: there are checkpoints, and all of them are damaged.
    """
    files = _files(path_of(folder))
    for i, file in reversed(list(enumerate(files))):
        if (found := _read(file)) is not None:
            return found
        logging.warning("%s is damaged%s", file, f"; using {files[i - 1].name} in its place" if i else "")
    if files:
        raise RequestError(f"all checkpoints in {folder} are damaged: choose another workdir, or delete that folder")
    return None


def _read(file):
    """Returns (arrays, values) of a checkpoint, or None if it is damaged."""
    content = file.read_bytes()
    payload, digest = content[:-_DIGEST], content[-_DIGEST:]
    if hashlib.sha256(payload).digest() != digest:
        return None
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, zipfile.BadZipFile):
        return None
    return arrays, json.loads(str(arrays.pop("__values__")))


def write_atomically(path: epath.PathLike, content: bytes) -> None:
    """Writes the bytes `content` to `path`, all or nothing, and waits until a local disk has them."""
    if is_remote(path):
        path_of(path).write_bytes(content)
        return
    with atomic(path) as file:
        file.write(content)


@contextlib.contextmanager
def atomic(path: epath.PathLike) -> Iterator[IO[bytes]]:
    """Opens a file beside `path`; once this context ends well and a local disk has it, it takes the place of `path`.

    In an object store a rename copies and deletes, and a file there is whole as soon as it is there: that one is
    uploaded to its place.
    """
    path = path_of(path)
    if is_remote(path):
        with path.open("wb") as file:
            yield file
        return
    partial = path.parent / f".{path.name}.partial"
    try:
        with partial.open("wb") as file:
            yield file
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    _sync(partial)
    partial.replace(path)
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

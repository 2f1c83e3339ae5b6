"""The checkpoints of a run: when one is due, in which form it is written, and which is the newest.

A small state is one file; a large one is an Orbax folder that is written beside training; so is, on JAX, the state of a
run on several hosts, each of which writes a part. Whatever the form, a kill at any instant leaves the old checkpoint or
the new one.
"""

import contextlib
import re
import time
from typing import Any, Self

import numpy as np
from absl import logging
from etils import epath

from tf_tricks.engines import engine, hosts
from tf_tricks.errors import RequestError, RunError, check_number
from tf_tricks.storage import is_remote, path_of
from tf_tricks.training import checkpoint_folder
from tf_tricks.training.checkpoint_file import SUFFIX, read_file, write_file
from tf_tricks.training.checkpoint_folder import FolderWriter, read_folder
from tf_tricks.training.workdir import writing

LARGE = 2**30
"""Bytes from which a state is written as a folder, beside training."""

_STANDS_STILL = (
    "a checkpoint has %.2g GB, and training stands still while it is written: with Orbax, "
    "pip install 'tf_tricks[orbax]', it would go on"
)


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
        self._folders = FolderWriter()
        self._written: tuple[int, dict[str, Any]] | None = None  # by this process
        self.run_id: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Waits as `wait` does; not after an error on several hosts, one of which may be gone."""
        if kind is None:
            self.wait()
        elif not hosts.joined():
            with contextlib.suppress(RunError):  # what comes first is told
                self.wait()

    def newest(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """Returns (arrays, values) of the newest that can be read, or None; the time to the next counts from here.

        Raises:
            RequestError: it is another run's.
        """
        self._epochs, self._saved_at = 0, time.time()
        if hosts.is_chief() and not is_remote(self.folder):
            checkpoint_folder.delete_unfinished(self.folder)
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
        """Writes one, named by the number of updates done, and deletes those that are too old to keep.

        On several hosts all of them call it. A folder is complete once `wait` returns, or the next `save`.

        Raises:
            RunError: it cannot be written.
        """
        self._epochs, self._saved_at = 0, time.time()
        if self._written == (step, values):
            return
        self._written = step, values
        values = values | {"run_id": self.run_id}
        self.wait()
        with writing(self.folder.parent):
            if not self._as_folder(step, arrays):
                if hosts.is_chief():
                    save(self.folder, step, arrays, values, self._keep)
            elif engine().saves_together() or hosts.is_chief():
                self._folders.start(self.folder / f"{step:010d}", arrays, values)

    def wait(self) -> None:
        """Returns when all that was saved is written.

        Raises:
            RunError: it could not be written.
        """
        with writing(self.folder.parent):
            self._folders.wait()
            if hosts.is_chief():
                _delete_old(self.folder, self._keep)

    def _as_folder(self, step, arrays):
        size = sum(array.nbytes for array in arrays.values())
        if is_remote(self.folder) or not (engine().saves_together() or size > LARGE):
            return False
        if not checkpoint_folder.can_be_written():
            logging.log_first_n(logging.WARNING, _STANDS_STILL, 1, size / 1e9)
        exists = (self.folder / f"{step:010d}").exists()  # damaged, or no longer the state of this step
        return hosts.told_by_chief("file" if exists or not checkpoint_folder.can_be_written() else "folder") == "folder"


def save(folder: epath.PathLike, step: int, arrays: dict[str, Any], values: dict[str, Any], keep: int = 3) -> None:
    """Writes one checkpoint as a file and deletes all but the newest `keep`.

    Args:
        folder: where the checkpoints lie; made if missing; may be remote.
        step: updates done, the checkpoint's name.
        arrays: dict of name to NumPy array.
        values: what JSON can hold: numbers, strings, lists, dicts.
        keep: how many to leave, at least 1.
    """
    folder = path_of(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / f"{step:010d}{SUFFIX}", arrays, values)
    _delete_old(folder, keep)


def load_newest(folder: epath.PathLike) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Returns (arrays, values) of the newest undamaged checkpoint in `folder`, or None if there is none.

    A damaged one is passed over for the one before, with a warning.

    Raises:
        RequestError: there are checkpoints, and all of them are damaged.
    """
    found = checkpoints_in(folder)
    for i, path in reversed(list(enumerate(found))):
        read = read_file if path.name.endswith(SUFFIX) else read_folder
        if (content := read(path)) is not None:
            return content
        logging.warning("%s is damaged%s", path, f"; using {found[i - 1].name} in its place" if i else "")
    if found:
        raise RequestError(f"all checkpoints in {folder} are damaged: choose another workdir, or delete that folder")
    return None


def checkpoints_in(folder: epath.PathLike) -> list[epath.Path]:
    """Returns the paths of the checkpoints in a folder, the oldest first; damaged ones are among them."""
    folder = path_of(folder)
    if not folder.exists():
        return []
    return sorted(path for path in folder.iterdir() if re.fullmatch(rf"\d+({re.escape(SUFFIX)})?", path.name))


def _delete_old(folder, keep):
    for old in checkpoints_in(folder)[:-keep]:
        if old.name.endswith(SUFFIX):
            old.unlink(missing_ok=True)
        else:
            checkpoint_folder.delete(old)

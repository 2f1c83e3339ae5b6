"""A run's folder: whose it is, who may write there, and what the run in it was begun with."""

import contextlib
import json
import os
import platform
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from absl import logging

import tf_tricks
from tf_tricks.errors import RequestError, RunError
from tf_tricks.named_parts import files_of
from tf_tricks.storage import StorageError, is_place, is_remote, write_atomically
from tf_tricks.training.lock import check_held, locked

_OURS = ("checkpoints", "metrics.jsonl", "model.keras", "best.keras")


@contextlib.contextmanager
def claimed(
    folder: Any, now: dict[str, Any], settings: Mapping[str, Any], device: str, about: Mapping[str, Any]
) -> Iterator[str]:
    """Makes a folder this run's, for as long as the context lasts; a folder of something else is left as it is.

    Args:
        folder: `etils.epath.Path`, local or remote.
        now: the `fingerprint` of the run that begins or goes on.
        settings: dict that config.json keeps for the reader.
        device: what it is trained on, in words.
        about: what else config.json keeps, for whoever predicts or compares runs.

    Yields:
        The run's id, which its checkpoints hold, too.

    Raises:
        RequestError: the folder is somebody else's, another run's, in use or not writable; nothing was written.
    """
    check(folder, now)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder)
        lock.__enter__()
    except OSError as error:
        raise RequestError(f"the workdir {folder} cannot be made: {error.strerror or error}") from error
    with contextlib.ExitStack() as stack:
        stack.push(lock.__exit__)
        with writing(folder):
            content = check(folder, now)  # another process may have come between
            run_id = content.get("run_id") or uuid.uuid4().hex[:12]
            known = {"config": settings, "versions": versions(), "device": device, "run_id": run_id}
            known |= {"backend": now["backend"]}
            _write(folder, content | known | {"fingerprint": now, "code": files_of(settings)} | dict(about))
        yield run_id


def check(folder: Any, now: dict[str, Any]) -> dict[str, Any]:
    """Returns what config.json holds, a dict, empty where there is none; writes nothing.

    Raises:
        RequestError: the files in `folder` are not those of this run.
    """
    from tf_tricks.training import fingerprint

    check_place(folder)
    if not (folder / "config.json").exists():
        for name in _OURS:
            if (folder / name).exists():
                raise RequestError(f"{folder} holds {name} of something else: choose a new or an empty folder")
        return {}
    content = read(folder)
    if not content.keys() & {"fingerprint", "config"}:
        raise RequestError(f"the config.json in {folder} is of something else: choose a new or an empty folder")
    if finished_epochs(folder) and not any((folder / "checkpoints").glob("*")):
        raise RequestError(
            f"the run in {folder} is finished and has no checkpoints left to train on from: choose another workdir"
        )
    fingerprint.check_same(folder, content.get("fingerprint"), now)
    return content


def check_place(folder: Any) -> None:
    """Raises a `RequestError` if there can be no such folder; writes nothing."""
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"the workdir {folder} is a file: choose another")
    if is_remote(folder):
        if not is_place(folder):
            raise RequestError(f"the workdir {folder} cannot be made: there is no bucket {folder.bucket}")
        return
    place = os.fspath(folder)
    while place and not os.path.exists(place):
        place = os.path.dirname(place) or "."
    if os.path.exists(place) and not os.path.isdir(place):
        raise RequestError(f"the workdir {folder} cannot be made: {place} is a file")
    if not os.access(place, os.W_OK | os.X_OK):
        raise RequestError(f"the workdir {folder} cannot be made: {place} is not writable")


def read(folder: Any) -> dict[str, Any]:
    """Returns the content of config.json as a dict.

    Raises:
        RequestError: it is missing or damaged.
    """
    try:
        content = json.loads((folder / "config.json").read_text())
    except StorageError:
        raise
    except (OSError, ValueError):
        content = None
    if not hasattr(content, "items") or not hasattr(content.get("config", {}), "items"):
        raise RequestError(f"there is no readable run in {folder}: its config.json is missing or damaged")
    return content


def finish(folder: Any, epochs: float, **results: Any) -> None:
    """Notes that the run has ended after so many epochs, with these results, and that all its files are written."""
    _write(folder, read(folder) | {"finished_epochs": epochs} | results)


def finished_epochs(folder: Any) -> float:
    """Returns after how many epochs the run in `folder` has ended, with its model written; 0 if it has not."""
    if not (folder / "model.keras").exists():
        return 0
    return read(folder).get("finished_epochs", 0)


def versions() -> dict[str, str]:
    """Returns a dict of package to version."""
    import keras
    import tensorflow as tf

    found = {
        "tf_tricks": tf_tricks.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }
    if keras.config.backend() == "jax":
        import jax

        found["jax"] = jax.__version__
    return found


@contextlib.contextmanager
def writing(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Tells in a sentence what the disk or the store refuses within this context."""
    try:
        check_held(folder)
        yield
    except OSError as error:
        logging.debug("writing failed", exc_info=True)
        raise RunError(
            f"cannot write to {os.fspath(folder)}: {error.strerror or error}; the last complete checkpoint is kept, "
            "and the same command goes on from it"
        ) from error


def _write(folder, content):
    write_atomically(folder / "config.json", json.dumps(content, indent=2, default=repr).encode() + b"\n")

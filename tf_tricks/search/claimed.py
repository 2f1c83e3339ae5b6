"""A folder that belongs to one search or ablation: what was asked for is kept in it, and each process asks the same."""

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks.errors import RequestError
from tf_tricks.storage import write_atomically
from tf_tricks.training import workdir


def check_folder(folder: Any, file: str, what: str, besides: Sequence[str] = ()) -> None:
    """Raises a `RequestError` if a folder can be none of what is asked for; writes nothing.

    Args:
        folder: `epath.Path`.
        file: in which what was asked for is kept.
        what: `"search"`, for the sentence.
        besides: beginnings of the names of files that may lie there before `file` does.
    """
    workdir.check_place(folder)
    if (folder / "config.json").exists():
        raise RequestError(f"the workdir {folder} holds a run: choose a new or an empty folder for the {what}")
    if folder.exists() and not (folder / file).exists():
        names = [entry.name for entry in folder.iterdir()]
        if any(not name.startswith((".lock", *besides)) for name in names):
            raise RequestError(
                f"the workdir {folder} holds something else than {_article(what)} {what}: choose a new or empty folder"
            )


def claimed(folder: Any, file: str, what: str, now: Mapping[str, Any]) -> str:
    """Makes a folder this search's or ablation's, or finds that it is, and returns its id.

    Args:
        folder: `epath.Path` that exists; no other process may claim it meanwhile.
        file: in which what was asked for is kept.
        what: `"search"`, for the sentence.
        now: what this process was asked to do, as JSON holds it.

    Raises:
        RequestError: what was asked for in this folder is something else.
    """
    if not (folder / file).exists():
        found = uuid.uuid4().hex[:12]
        write_atomically(folder / file, json.dumps({"id": found, **now}, indent=2).encode() + b"\n")
        return found
    before = json.loads((folder / file).read_text())
    for key, value in now.items():
        if before.get(key) != value:
            raise RequestError(
                f"the {what} in {os.fspath(folder)} is another one by its {key}{_difference(before.get(key), value)}; "
                "choose another workdir, or ask for what it had"
            )
    return before["id"]


def _article(what):
    return "an" if what[0] in "aeiou" else "a"


def _difference(before, now):
    if hasattr(before, "items") and hasattr(now, "items"):
        key = next(key for key in [*before, *now] if before.get(key) != now.get(key))
        return f".{key}: {before.get(key)!r} then, {now.get(key)!r} now"
    return f": {before!r} then, {now!r} now"

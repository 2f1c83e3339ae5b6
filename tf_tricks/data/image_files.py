"""Pictures in files: which there are, which of them are damaged, and how they are read by index."""

import concurrent.futures
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from etils import epath

from tf_tricks.annotations import Tensor
from tf_tricks.data import cache, pictures
from tf_tricks.errors import RequestError
from tf_tricks.storage import is_remote


class ImageFiles:
    """Pictures in files, and their labels, as `EncodedSource` reads them.

    Args:
        paths: of the files, local or remote.
        labels: integers [n].
    """

    def __init__(self, paths: Sequence[str], labels: Any):
        self.paths, self.labels = np.array(paths, object), np.asarray(labels, "int32")
        with tf.device("CPU:0"):
            self._labels = tf.constant(self.labels)

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded pictures, string [b], and their labels, int32 [b], in a function of `tf.data`."""

        def read(rows):
            return np.array(pictures.read_all(self.paths[rows]), object)

        encoded = tf.numpy_function(read, [rows], tf.string, stateful=False)
        return tf.ensure_shape(encoded, rows.shape), tf.gather(self._labels, rows)

    def find_damage(self, rows: Any) -> str | None:
        """Returns the path of the first of the pictures `rows` that cannot be decoded and why, None if all can."""
        for path in self.paths[rows]:
            reason = pictures.damage(path)
            if reason is not None:
                return f"{path}: {reason}"
        return None


class Found(NamedTuple):
    """The files below a folder.

    Attributes:
        pictures: paths of pictures relative to the folder, sorted.
        others: paths of other files, likewise; hidden ones are in neither.
        digest: a text that changes when a file is added, taken away or changed.
    """

    pictures: list[str]
    others: list[str]
    digest: str


def find(folder: epath.Path) -> Found:
    """Returns the files below a folder, at any depth; hidden ones (`.name`) are passed over."""
    found = _shown(folder) if is_remote(folder) else sorted(_walk(os.fspath(folder), ""))
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    is_picture = [path.lower().endswith(pictures.SUFFIXES) for path, *_ in found]
    return Found(
        [path for (path, *_), picture in zip(found, is_picture) if picture],
        [path for (path, *_), picture in zip(found, is_picture) if not picture],
        digest,
    )


def damaged(folder: epath.Path, found: Found) -> dict[str, str]:
    """Returns the damaged pictures, by their path relative to the folder, with the reason.

    Looked at are the beginning and the end of each file, and all of those that do not begin and end as they should; a
    damage in the middle shows when the picture is decoded. The result is kept in the cache as long as no file changes.

    Args:
        folder: local or remote; of a remote one the files are not looked at.
        found: from `find`.
    """
    if is_remote(folder):
        return {}
    place = os.path.abspath(os.fspath(folder))
    kept = cache.folder() / "pictures" / f"{hashlib.sha256(place.encode()).hexdigest()[:24]}.json"
    try:
        content = json.loads(kept.read_text())
        if content["digest"] == found.digest:
            return content["damaged"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not kept yet, or damaged itself
    result = _look_at(place, found.pictures)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps({"folder": place, "digest": found.digest, "damaged": result}))
    except OSError:
        pass  # the cache cannot be written: looked at again next time
    return result


def leave_out(damaged: dict[str, str], max_corrupt: int) -> str:
    """Returns the words for the damaged pictures that are left out; empty if there are none.

    Raises:
        RequestError: there are more than `max_corrupt`.
    """
    if not damaged:
        return ""
    words = in_words(damaged)
    if len(damaged) > max_corrupt:
        be = "are" if len(damaged) > 1 else "is"
        raise RequestError(f"there {be} {words}; mend or remove them, or allow as many with max_corrupt={len(damaged)}")
    return f"left out {words}"


def in_words(damaged: dict[str, str]) -> str:
    """Returns damaged pictures as a part of a sentence.

    Example:
        >>> in_words({"cat/1.png": "it is empty"})
        '1 damaged picture: cat/1.png (it is empty)'
    """
    words = ", ".join(f"{path} ({reason})" for path, reason in list(damaged.items())[:5])
    words += f" and {len(damaged) - 5} more" if len(damaged) > 5 else ""
    return f"{len(damaged)} damaged picture{'s' if len(damaged) > 1 else ''}: {words}"


def _walk(folder, below, above=()) -> Iterable[tuple[str, int, int]]:
    place = os.path.realpath(os.path.join(folder, below))
    if place in above:  # a link to a folder above
        return
    with os.scandir(os.path.join(folder, below)) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = os.path.join(below, entry.name)
            if entry.is_dir():
                yield from _walk(folder, path, (*above, place))
            elif entry.is_file():
                status = entry.stat()
                yield path, status.st_size, status.st_mtime_ns


def _shown(folder):
    """The files of a store that are not hidden, with their sizes and what tells their contents apart."""
    found = folder.files_below()
    return [entry for entry in found if not any(part.startswith(".") for part in entry[0].split("/"))]


def _look_at(folder, paths):
    def look(some):
        return [path for path in some if not _whole(os.path.join(folder, path))]

    parts = [paths[start : start + 500] for start in range(0, len(paths), 500)]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:  # waiting for the disk, mostly
        suspicious = [path for part in threads.map(look, parts) for path in part]
    reasons = {path: pictures.damage(os.path.join(folder, path)) for path in suspicious}
    return {path: reason for path, reason in reasons.items() if reason is not None}


def _whole(path):
    try:
        return pictures.looks_whole(path)
    except OSError:
        return False

"""Files that are written whole or not at all."""

import contextlib
import os
from collections.abc import Iterator
from typing import IO

from etils import epath

from tf_tricks.storage.places import is_remote, path_of


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

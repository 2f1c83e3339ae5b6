"""One process a run: a second one on the same workdir is refused."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from typing import Any

from tf_tricks.errors import RequestError
from tf_tricks.storage import is_remote, path_of

_HELD: dict[str, Any] = {}


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Holds the lock of a folder; it goes when the process does, of a remote folder after half a minute.

    A process may hold the same lock twice.

    Args:
        folder: an existing folder, or a remote one.

    Raises:
        RequestError: another process holds the lock.
    """
    remote = is_remote(folder)
    path = os.fspath(folder).rstrip("/") if remote else os.path.realpath(folder)
    if path in _HELD or not (remote or os.path.isdir(path)):
        yield
        return
    with _lease(folder) if remote else _lock(path, folder) as _HELD[path]:
        try:
            yield
        finally:
            del _HELD[path]


def check_held(folder: str | os.PathLike[str]) -> None:
    """Raises a `RunError` if a remote folder was locked by this process, and is now another's."""
    lease = _HELD.get(os.fspath(folder).rstrip("/"))
    if lease is not None:
        lease.check()


@contextlib.contextmanager
def _lock(path, folder):
    descriptor = os.open(os.path.join(path, ".lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise RequestError(f"another process trains in {folder}: wait for it, or choose another workdir") from None
        raise
    try:
        yield None
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _lease(folder):
    from tf_tricks.training.lease import Lease

    with contextlib.closing(Lease(path_of(folder))) as lease:
        yield lease

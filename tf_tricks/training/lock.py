"""One process a run: a second one on the same workdir is refused."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator

from tf_tricks.errors import RequestError

_HELD: set[str] = set()


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Holds the lock of a local folder; it goes when the process does, however that dies.

    A process may hold the same lock twice. Remote folders have no lock.

    Args:
        folder: an existing folder.

    Raises:
        RequestError: another process holds the lock.
    """
    path = os.path.realpath(folder)
    if path in _HELD or not os.path.isdir(path):
        yield
        return
    descriptor = os.open(os.path.join(path, ".lock"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise RequestError(f"another process trains in {folder}: wait for it, or choose another workdir") from None
        raise
    _HELD.add(path)
    try:
        yield
    finally:
        _HELD.discard(path)
        os.close(descriptor)

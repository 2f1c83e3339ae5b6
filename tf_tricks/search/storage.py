"""Where a search keeps its trials, so that they survive any kill and many processes share them."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from typing import Any

from optuna.storages import JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalRedisBackend
from sqlalchemy.exc import DBAPIError

from tf_tricks.errors import RequestError, reason_of

JOURNAL = "study.journal"
_KINDS = ("sqlite", "postgresql", "mysql", "redis")


def open_storage(url: str | None, folder: Any) -> Any:
    """Returns an Optuna storage.

    Args:
        url: of a database, `"postgresql://user@host/name"` or `"sqlite:///file.db"`, of a `redis://` server, or the
            path of a `.journal` file; None for a journal file in the folder.
        folder: the search's, an `epath.Path`.

    Raises:
        RequestError: there is no such storage, or it cannot be reached.
    """
    if url is None or "://" not in url:
        path = os.fspath(folder / JOURNAL) if url is None else url
        if "://" in path:
            raise RequestError(f"the search's folder {folder} is remote, so that its trials need a --storage=URL")
        if not path.endswith(".journal"):
            raise RequestError(f"the storage {path!r} is neither a URL, as sqlite:///study.db, nor a .journal file")
        if not os.path.isdir(os.path.dirname(os.path.abspath(path))):
            raise RequestError(f"the storage {path!r} lies in a folder that does not exist")
        return _told(path, lambda: _journal(path))
    kind = url.split(":")[0].split("+")[0]
    if kind not in _KINDS:
        raise RequestError(f"there is no storage {kind!r}: it must be one of {', '.join(_KINDS)}, or a .journal file")
    if kind == "redis":
        return _told(url, lambda: JournalStorage(JournalRedisBackend(url)))
    return _told(url, lambda: _database(_with_driver(url)))


def _database(url):
    try:
        return RDBStorage(url)
    except DBAPIError:  # another process may have made the same tables at the same moment
        time.sleep(1.0)
        return RDBStorage(url)


def _journal(path):
    return JournalStorage(JournalFileBackend(path, lock_obj=FileLock(f"{path}.lock")))


def _with_driver(url):
    """Psycopg is today's driver of PostgreSQL; a URL that names none gets it where it is installed."""
    if url.startswith("postgresql://"):
        with contextlib.suppress(ImportError):
            import psycopg  # noqa: F401

            return url.replace("postgresql://", "postgresql+psycopg://", 1)
    return url


def _told(url, make):
    try:
        return make()
    except ImportError as error:
        raise RequestError(
            f"the storage {_without_password(url)} needs a package that is not installed: {error}"
        ) from error
    except Exception as error:  # each driver has errors of its own
        raise RequestError(f"the storage {_without_password(url)} cannot be opened: {reason_of(error)}") from error


def _without_password(url):
    before, at, after = url.rpartition("@")
    return f"{before.split('://')[0]}://…@{after}" if at else url


class FileLock:
    """A lock of a journal file that goes when its process does, however that dies; Optuna's own would stay.

    Args:
        path: of the file that is locked.
    """

    def __init__(self, path: str):
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Waits until no other process holds the lock."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Gives the lock back."""
        assert self._descriptor is not None
        os.close(self._descriptor)
        self._descriptor = None


@contextlib.contextmanager
def alone(folder: Any) -> Iterator[None]:
    """Within this context no other process of the search hands out trials or writes results.

    Remote folders have no such lock.

    Args:
        folder: the search's, which exists.
    """
    if "://" in os.fspath(folder):
        yield
        return
    lock = FileLock(os.path.join(os.fspath(folder), ".lock"))
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Any) -> bool:
    """Returns whether a living process trains in a local folder."""
    path = os.path.join(os.fspath(folder), ".lock")
    if not os.path.exists(path):
        return False
    with open(path, "rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False

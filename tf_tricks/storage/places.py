"""What a user's path means: a place on this machine, or in an object store."""

import atexit
import contextlib
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from etils import epath

from tf_tricks.errors import RequestError, unknown
from tf_tricks.storage.remote_path import SCHEMES, RemotePath

_EXTRAS = {"gcsfs": "gcs", "s3fs": "s3"}


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Returns whether a path is one of an object store.

    Example:
        >>> is_remote("s3://bucket/runs"), is_remote("runs")
        (True, False)
    """
    return "://" in os.fspath(path)


def path_of(path: str | os.PathLike[str]) -> Any:
    """Returns an `etils.epath.Path`, a `RemotePath` where there is a scheme; `~` is the user's folder.

    Args:
        path: local, or one of `gs://`, `s3://` and `memory://`.

    Raises:
        RequestError: there is no such store, no bucket is named, or the store's package is not installed.

    Example:
        >>> path_of("memory://bucket/runs") / "r1"
        RemotePath('memory://bucket/runs/r1')
    """
    if not is_remote(path):
        return epath.Path(path).expanduser()
    scheme, name = os.fspath(path).split("://", 1)
    if scheme not in SCHEMES:
        raise unknown("kind of storage", f"{scheme}://", [f"{known}://" for known in SCHEMES])
    if not name.strip("/"):
        raise RequestError(f"{os.fspath(path)!r} names no bucket: say {scheme}://BUCKET/FOLDER")
    package = SCHEMES[scheme]
    if package is not None and importlib.util.find_spec(package) is None:
        raise RequestError(
            f"{os.fspath(path)} needs the package {package}: pip install 'tf_tricks[{_EXTRAS[package]}]'"
        )
    return RemotePath(os.fspath(path))


def is_place(folder: Any) -> bool:
    """Returns whether files can be written into a folder: it is there; in an object store, its bucket is.

    Args:
        folder: from `path_of`.
    """
    if not isinstance(folder, RemotePath):
        return folder.is_dir()
    if folder.scheme == "memory":
        return not folder.is_file()
    return folder.bucket.exists() and not folder.is_file()


@contextlib.contextmanager
def local_copy(path: Any) -> Iterator[str]:
    """Gives the path of a file on this machine with the same content and name, for as long as the context lasts.

    Args:
        path: of a file, from `path_of`.
    """
    if not isinstance(path, RemotePath):
        yield os.fspath(path)
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = os.path.join(scratch, path.name)
        path.download(copy)
        yield copy


def fetched(path: Any) -> str:
    """Returns the path of a file on this machine with the same content and name, which stays until the process ends.

    Args:
        path: of a remote file, from `path_of`.
    """
    global _scratch
    if _scratch is None:
        _scratch = tempfile.TemporaryDirectory()
        atexit.register(_scratch.cleanup)
    folder = os.path.join(_scratch.name, hashlib.sha256(os.fspath(path).encode()).hexdigest()[:12])
    os.makedirs(folder, exist_ok=True)
    copy = os.path.join(folder, path.name)
    path.download(copy)
    return copy


_scratch: Any = None

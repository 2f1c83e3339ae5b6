"""Paths in object stores, by fsspec, with the methods of `etils.epath.Path`.

An object store knows whole objects only: one appears when all of it has been uploaded, and takes the place of the one
before at that moment. So a write is atomic by itself, a rename is a copy that can break off in the middle, nothing can
be appended, and a folder is there as long as there is something in it.
"""

import contextlib
import fnmatch
import io
import os
import tempfile
from collections.abc import Iterator
from typing import Any

from etils import epath
from etils.epath import stat_utils

from tf_tricks.errors import unknown

SCHEMES = {"gs": "gcsfs", "s3": "s3fs", "memory": None}
"""The stores, and the package that fsspec needs for each."""

_BLOCK = 2**20


class StorageError(OSError):
    """A store could not be reached, or has refused; the message names the path."""


@epath.register_path_cls
class RemotePath(epath.Path):
    """A path such as `s3://bucket/runs/r1`; `places.path_of` makes one of what a user gives.

    What a store answers is told as an `OSError`: `FileNotFoundError` where nothing is there, else a `StorageError`.
    """

    def __str__(self) -> str:
        scheme, *names = self.parts or (".",)
        return f"{scheme}//{'/'.join(names)}" if scheme.endswith(":") else "/".join([scheme, *names])

    def __fspath__(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    @property
    def scheme(self) -> str:
        """The store, one of `SCHEMES`."""
        return self.parts[0].removesuffix(":")

    @property
    def bucket(self) -> "RemotePath":
        """The first folder."""
        return type(self)(*self.parts[:2])

    def resolve(self, strict: bool = False) -> "RemotePath":
        """Returns the path itself: there are no links."""
        return self

    def expanduser(self) -> "RemotePath":
        """Returns the path itself."""
        return self

    def exists(self) -> bool:
        """Returns whether there is an object, or anything below."""
        return self._info() is not None

    def is_dir(self) -> bool:
        """Returns whether there is anything below."""
        info = self._info()
        return info is not None and info["type"] == "directory"

    def is_file(self) -> bool:
        """Returns whether there is an object."""
        info = self._info()
        return info is not None and info["type"] != "directory"

    def stat(self) -> stat_utils.StatResult:
        """Returns the size; the time is 0, for each store calls it something else."""
        info = self._info()
        if info is None:
            raise FileNotFoundError(f"there is no {self}")
        nothing = {"owner": None, "group": None, "mode": None}
        return stat_utils.StatResult(info["type"] == "directory", length=info["size"] or 0, mtime=0, **nothing)

    def iterdir(self) -> Iterator["RemotePath"]:
        """Yields what is directly below, sorted."""
        for name in sorted(self._name(found) for found in self._call("ls", detail=False)):
            if name != str(self).rstrip("/"):  # an object that stands for the folder itself
                yield type(self)(name)

    def glob(self, pattern: str) -> Iterator["RemotePath"]:
        """Yields what is directly below and fits a pattern."""
        if "/" in pattern or "**" in pattern:
            raise NotImplementedError(f"a pattern of one level is needed, not {pattern!r}")
        with contextlib.suppress(FileNotFoundError):
            yield from (path for path in self.iterdir() if fnmatch.fnmatchcase(path.name, pattern))

    def files_below(self) -> list[tuple[str, int, str]]:
        """Returns (path below this one, size, what changes with the content) of all objects at any depth, sorted."""
        start = len(str(self).rstrip("/")) + 1
        found = self._call("find", detail=True)
        marks = ("ETag", "etag", "created")  # in S3, in Google's store, in memory
        return sorted(
            (self._name(name)[start:], info["size"] or 0, str([info.get(mark) for mark in marks]))
            for name, info in found.items()
        )

    def mkdir(self, mode: int | None = None, parents: bool = False, exist_ok: bool = False) -> None:
        """Makes nothing: a folder is there once there is something in it. A bucket is never made."""
        if self.is_file():
            raise FileExistsError(f"{self} is a file")

    def open(self, mode: str = "r", encoding: str | None = None, errors: str | None = None, **kwargs: Any) -> Any:
        """Opens it for reading or, as a context only, for writing: it is uploaded whole where the context ends well.

        Args:
            mode: "r", "rb", "w" or "wb".
            encoding: UTF-8, if any.
            errors: None.
            **kwargs: none.
        """
        if mode in ("r", "rb"):
            file = io.BufferedReader(_Reader(self, self._call("open", mode="rb")), _BLOCK)
            return file if mode == "rb" else io.TextIOWrapper(file, encoding="utf-8")
        if mode in ("w", "wb"):
            return self._written(mode)
        raise StorageError(f"{self} cannot be opened with {mode!r}: it is read or written as a whole")

    def read_bytes(self) -> bytes:
        """Returns the content."""
        return self._call("cat_file")

    def write_bytes(self, data: bytes) -> int:
        """Writes the content, all or nothing."""
        self._call("pipe_file", data)
        return len(data)

    def create(self, data: bytes) -> None:
        """Writes the content where there is nothing yet, or raises `FileExistsError`; of several, one succeeds."""
        self._call("pipe_file", data, mode="create")

    def upload(self, file: str | os.PathLike[str]) -> None:
        """Writes the content of a local file, all or nothing."""
        self._call("put_file", local=os.fspath(file))

    def download(self, file: str | os.PathLike[str]) -> None:
        """Writes the content to a local file."""
        self._call("get_file", os.fspath(file))

    def unlink(self, missing_ok: bool = False) -> None:
        """Deletes the object."""
        try:
            self._call("rm_file")
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rmtree(self, missing_ok: bool = False) -> None:
        """Deletes all below."""
        try:
            self._call("rm", recursive=True)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def rename(self, target: epath.PathLike) -> Any:
        """Refuses: a store copies and deletes, and can break off in between."""
        raise StorageError(f"{self} cannot be renamed to {target}: write it there")

    replace = rename

    def copy(self, dst: epath.PathLike, overwrite: bool = False) -> Any:
        """Copies the object to another path."""
        target = epath.Path(dst)
        target.write_bytes(self.read_bytes())
        return target

    @contextlib.contextmanager
    def _written(self, mode):
        with tempfile.TemporaryDirectory() as scratch:
            copy = os.path.join(scratch, "content")
            with open(copy, mode, encoding=None if "b" in mode else "utf-8") as file:
                yield file
            self.upload(copy)

    def _info(self):
        """What the store says of it, None where it has nothing; an error is not taken for that, as `fs.exists` does."""
        try:
            return self._call("info")
        except FileNotFoundError:
            return None

    def _name(self, found):
        return f"{self.scheme}://{found.strip('/')}"

    def _call(self, method, *arguments, local=None, **options):
        with told(self):
            function = getattr(_store(self.scheme), method)
            return function(*([] if local is None else [local]), str(self), *arguments, **options)


class _Reader(io.RawIOBase):
    """Bytes of an object, some at a time, whose errors are told."""

    def __init__(self, path, file):
        self._path, self._file = path, file

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        return self._file.seek(offset, whence)

    def tell(self):
        return self._file.tell()

    def readinto(self, buffer):
        with told(self._path):
            found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def close(self):
        self._file.close()
        super().close()


@contextlib.contextmanager
def told(path: RemotePath) -> Iterator[None]:
    """Tells whatever a store's package raises as an `OSError`."""
    try:
        yield
    except (FileNotFoundError, FileExistsError):
        raise
    except StorageError:
        raise
    except Exception as error:  # of botocore, aiohttp, google.auth and others, which have nothing in common
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise StorageError(f"{path} cannot be reached: {reason}") from error


def _store(scheme):
    """Fsspec's, which are kept by it; listings are not, for other processes write, too."""
    import fsspec

    if scheme not in SCHEMES:
        raise unknown("kind of storage", f"{scheme}://", [f"{known}://" for known in SCHEMES])
    return fsspec.filesystem(scheme, use_listings_cache=False)

"""Arrays in NumPy's files: an .npz, an .npy, or a folder of .npy files; left in the file where they are large."""

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.annotations import Structure
from tf_tricks.data.rows import aligned_empty
from tf_tricks.errors import RequestError, unknown
from tf_tricks.storage import StorageError, is_remote, path_of

_CHUNK = 2**24


class Archive(Mapping):
    """The arrays of a file by their names, each read when it is asked for.

    Args:
        file: path of an .npz; of an .npy, whose only array has the file's name; or of a folder of .npy files. May be
            remote (`gs://`).
        memory_budget: bytes from which an array stays in its file and is read by index, if the file is local and not
            compressed; None reads all.

    Raises:
        RequestError: there is no such file, or it is damaged.
    """

    def __init__(self, file: str | os.PathLike[str], memory_budget: float | None = None):
        self.file, self._budget = path_of(file), memory_budget
        if not self.file.exists():
            raise RequestError(f"there is no file of arrays {os.fspath(file)!r}")
        with _told(self.file):
            self._names = list(_names(self.file))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(name)
        with _told(self.file):
            if self.file.is_dir():
                return _array(self.file / f"{name}.npy", self._budget)
            if self.file.suffix == ".npy":
                return _array(self.file, self._budget)
            return _member(self.file, f"{name}.npy", self._budget)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def structure(self, names: Structure) -> Structure:
        """Returns the arrays in the structure of their names: `{"a": "left", "b": "right"}`.

        Raises:
            RequestError: one is not there, or is damaged.
        """
        if hasattr(names, "items"):
            return {key: self.structure(name) for key, name in names.items()}
        if isinstance(names, (list, tuple)):
            return tuple(self.structure(name) for name in names)
        if names not in self:
            raise unknown(f"array in {os.fspath(self.file)!r} called", names, self)
        return self[names]


def read_archive(
    file: str | os.PathLike[str], names: Sequence[str], needed: Sequence[str], memory_budget: float | None = None
) -> dict[str, Any]:
    """Returns the arrays of an archive by name.

    Args:
        file: as for `Archive`.
        names: those that may be in it.
        needed: those that must be.
        memory_budget: as for `Archive`.

    Raises:
        RequestError: there is no such file, it is damaged, or other arrays are in it.
    """
    archive = Archive(file, memory_budget)
    if archive.file.suffix == ".npy":
        raise RequestError(f"{os.fspath(file)!r} holds a single array: save {', '.join(needed)}, … with np.savez")
    for key in archive:
        if key not in names:
            raise unknown(f"array expected in {os.fspath(file)!r} of the name", key, names)
    for key in needed:
        if key not in archive:
            there = ", ".join(sorted(archive)) or "none"
            raise RequestError(f"{os.fspath(file)!r} lacks the array {key}; it holds {there}")
    return {key: archive[key] for key in archive}


class _told:
    """Tells in a sentence what NumPy raises within this context."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, (OSError, ValueError, EOFError, zipfile.BadZipFile)) and not isinstance(
            error, (RequestError, StorageError)
        ):
            raise RequestError(
                f"{os.fspath(self._path)!r} cannot be read as a NumPy archive of numbers: {error}"
            ) from error


def _names(path):
    if path.is_dir():
        return sorted(file.stem for file in path.iterdir() if file.suffix == ".npy")
    if path.suffix == ".npy":
        return [path.stem]
    with path.open("rb") as opened:
        if not zipfile.is_zipfile(opened):
            opened.seek(0)
            if opened.read(6) == np.lib.format.MAGIC_PREFIX:
                raise ValueError("it is a single array; its name should end in .npy")
            raise ValueError("it is no archive, or was cut short")
        opened.seek(0)
        with zipfile.ZipFile(opened) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]


def _array(path, budget):
    """The array of an .npy file."""
    with path.open("rb") as opened:
        shape, fortran, dtype = _header(opened)
        if budget is None or np.dtype(dtype).itemsize * np.prod(shape) < budget or is_remote(path):
            return _read(opened, shape, fortran, dtype)
        return np.memmap(path, dtype, "r", opened.tell(), shape, "F" if fortran else "C")


def _member(path, name, budget):
    """The array of a member of an .npz."""
    with path.open("rb") as opened, zipfile.ZipFile(opened) as archive:
        member = archive.getinfo(name)
        with archive.open(member) as stream:
            shape, fortran, dtype = _header(stream)
            start = stream.tell()
            stays = budget is not None and member.file_size >= budget and member.compress_type == zipfile.ZIP_STORED
            if not stays or is_remote(path):
                return _read(stream, shape, fortran, dtype)
        opened.seek(member.header_offset)
        local = opened.read(30)  # the header before the member: its name and extra field have lengths of their own
        start += member.header_offset + 30 + int.from_bytes(local[26:28], "little")
        start += int.from_bytes(local[28:30], "little")
        return np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")


def _header(stream):
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not loaded: save numbers, or texts of dtype 'U'")
    return shape, fortran, dtype


def _read(stream, shape, fortran, dtype):
    array = aligned_empty(shape[::-1] if fortran else shape, dtype)
    left = memoryview(array.reshape(-1).view(np.uint8))
    while left:
        number = stream.readinto(left[:_CHUNK])
        if not number:
            raise EOFError("it was cut short")
        left = left[number:]
    return array.T if fortran else array

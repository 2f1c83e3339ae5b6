"""A checkpoint as a folder, written by Orbax beside training; on several hosts of JAX each writes a part.

Orbax writes into a folder of another name and renames it at the end, so that one whose name is a number is complete.
Arrays of numbers are Orbax's; texts, empty arrays and plain values are one more array, a NumPy archive, which holds a
checksum of each of the others, too.
"""

import importlib.util
import os
import zlib
from typing import Any

import numpy as np
from absl import logging
from etils import epath

from tf_tricks.engines import engine
from tf_tricks.errors import RequestError
from tf_tricks.training.checkpoint_file import packed, unpacked

_REST = "rest"
_SUMS = "checksums"
_UNFINISHED = ".orbax-checkpoint-tmp"  # is in the names of what Orbax has not finished


def can_be_written() -> bool:
    """Returns whether Orbax is installed, which reading needs, too."""
    return importlib.util.find_spec("orbax") is not None and importlib.util.find_spec("orbax.checkpoint") is not None


class FolderWriter:
    """Writes one checkpoint after the other, each while training goes on."""

    def __init__(self) -> None:
        self._orbax: Any = None

    def start(self, path: epath.Path, arrays: dict[str, np.ndarray], values: dict[str, Any]) -> None:
        """Begins to write one; `wait` ends that.

        Args:
            path: of the folder.
            arrays: dict of name to NumPy array.
            values: what JSON can hold.
        """
        ocp = _orbax()
        if self._orbax is None:
            self._orbax = ocp.AsyncCheckpointer(ocp.PyTreeCheckpointHandler())
        numbers = {name: array for name, array in arrays.items() if _is_of_numbers(array)}
        others = {name: array for name, array in arrays.items() if name not in numbers}
        sums = {name: zlib.crc32(_bytes(array)) for name, array in numbers.items()}
        rest = np.frombuffer(packed(others, {_SUMS: sums, _REST: values}), "uint8")
        self._orbax.save(os.fspath(path), ocp.args.PyTreeSave(engine().of_all_hosts(numbers) | {_REST: rest}))

    def wait(self) -> None:
        """Returns once the one that was begun is whole.

        Raises:
            OSError: it could not be written.
        """
        if self._orbax is None:
            return
        try:
            self._orbax.wait_until_finished()
        except OSError:
            raise
        except Exception as error:  # of TensorStore, of many kinds
            raise OSError(str(error).splitlines()[0]) from error


def read_folder(path: epath.Path) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
    """Returns (arrays, values) of a checkpoint, or None if it is damaged.

    Raises:
        RequestError: Orbax is not installed.
    """
    if not can_be_written():
        raise RequestError(f"{path} was written by Orbax, which is not installed: pip install 'tf_tricks[orbax]'")
    ocp = _orbax()
    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as orbax:
            described = orbax.metadata(os.fspath(path)).item_metadata.tree
            as_numpy = {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in described}
            arrays = orbax.restore(os.fspath(path), ocp.args.PyTreeRestore(restore_args=as_numpy))
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        others, values = unpacked(arrays.pop(_REST).tobytes())
    except Exception:  # of TensorStore, zstd, JSON: whatever the damage leads to
        logging.debug("%s cannot be read", path, exc_info=True)
        return None
    sums = values[_SUMS]
    if set(sums) != set(arrays) or any(zlib.crc32(_bytes(array)) != sums[name] for name, array in arrays.items()):
        return None
    return arrays | others, values[_REST]


def delete_unfinished(folder: epath.Path) -> None:
    """Deletes what a kill has left of one that was being written; for whoever alone writes there."""
    for path in folder.glob(f"*{_UNFINISHED}*"):
        path.rmtree(missing_ok=True)


def delete(path: epath.Path) -> None:
    """Deletes one so that a kill leaves it whole, or without its name."""
    path.rename(path.parent / f"{path.name}{_UNFINISHED}").rmtree()


def _orbax():
    import keras

    if keras.config.backend() != "jax":  # Orbax asks JAX for its devices, which would take the memory of all of them
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import orbax.checkpoint as ocp

    return ocp


def _is_of_numbers(array):
    is_narrow_float = array.dtype.kind == "V" and array.dtype.names is None and "float" in array.dtype.name
    return array.size > 0 and (array.dtype.kind in "biufc" or is_narrow_float)


def _bytes(array):
    return np.ascontiguousarray(array).view("uint8").reshape(-1) if array.ndim else array.tobytes()

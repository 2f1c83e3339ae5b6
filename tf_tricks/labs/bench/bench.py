"""Where an experiment is carried out: its budget, its seeds, its data, and the pieces of it that are done already."""

import inspect
import json
import os
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tf_tricks.storage import path_of, write_atomically


class Bench:
    """Gives a lab what it works with, and keeps each piece of its work as soon as it is done.

    Args:
        folder: of this lab, where the pieces are kept.
        budget: `"quick"` or `"full"`.
        seeds: how many runs there are of what depends on chance.
        dataset: the name of a data set, or None.
        tell: is called with the name of each piece when it is done.

    Attributes:
        is_quick: whether the budget is quick.
        seeds: the seeds, 0, 1, …: those of the same number are pairs.
        dataset: the data set's name.

    Example:
        >>> import tempfile
        >>> bench = Bench(tempfile.mkdtemp(), "quick", 2, "digits")
        >>> [bench.piece(f"half-{seed}", lambda seed: seed / 2, seed) for seed in bench.seeds]
        [0.0, 0.5]
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        budget: str,
        seeds: int,
        dataset: str | None = None,
        tell: Callable[[str], Any] = lambda name: None,
    ):
        self.is_quick = budget == "quick"
        self.seeds = range(seeds)
        self.dataset = dataset
        self._folder = path_of(folder) / "pieces" / re.sub(r"[^\w.-]+", "_", f"{budget}-{dataset or 'own-data'}")
        self._tell = tell

    def piece(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Returns what a function gives of its arguments, from the disk if this piece was done before by the same code.

        Before it is called, Keras forgets what was there and is seeded by the piece's name, so that a piece is the same
        whichever came before it. Runs that are to be pairs seed themselves.

        Args:
            name: of the piece, unique in its lab.
            function: whose result JSON can hold; NumPy's numbers and arrays become Python's.
            arguments: of the function, likewise.
        """
        import keras

        path = self._folder / f"{re.sub(r'[^A-Za-z0-9_.=+-]', '_', name)}.json"
        asked = _plain({"of": function.__qualname__, "arguments": arguments, "code": _code_of(function)})
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["asked"] == asked:
                self._tell(name)
                return kept["result"]
        keras.utils.clear_session()
        keras.utils.set_random_seed(zlib.crc32(name.encode()))
        result = _plain(function(*arguments))
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"asked": asked, "result": result}).encode())
        self._tell(name)
        return result


def _code_of(function):
    """A checksum of the file that the function stands in: a lab that was changed has to be run again."""
    return zlib.crc32(inspect.getsource(inspect.getmodule(function)).encode())


def _plain(value):
    """The value as JSON gives it back."""
    return json.loads(json.dumps(value, default=_of_numpy))


def _of_numpy(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if hasattr(value, "__array__"):
        return np.asarray(value).tolist()
    raise TypeError(f"a lab's results must be numbers, texts, lists and dicts, not {type(value).__name__}")

"""What the frozen part of a model gives for each example of a source, computed once."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.lib.format import open_memmap

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data import Source, cache
from tf_tricks.data.in_order import placed_in_order
from tf_tricks.data.memory import budget
from tf_tricks.data.rows import aligned_empty, rows_of
from tf_tricks.engines import engine
from tf_tricks.storage import is_remote
from tf_tricks.training.graph_parts import GraphParts
from tf_tricks.training.progress_bar import Counting

_TRIED = 4
_ELSEWHERE = 2**40 + 7919
"""Another place in the stream, where random numbers would be others."""


class KeptSource:
    """Examples whose inputs are features; a `Source`.

    Args:
        examples: (features,), (features, labels) or (features, labels, weights), in structures of arrays [n, ...].
    """

    def __init__(self, examples: tuple[Structure, ...]):
        self.num_examples = len(tf.nest.flatten(examples)[0])
        self.arrays = examples, None
        self._rows = tf.nest.map_structure(rows_of, examples)

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, ...]:
        """Returns examples, as any source does."""
        with tf.device("CPU:0"):
            return tf.nest.map_structure(lambda rows: rows(indices), self._rows)


class FeatureStore:
    """Where features are kept: in memory, or in files of a folder of their own, which goes with them.

    Args:
        kind: `"memory"`, which goes over to files where the room is not enough, or `"disk"`.
        workdir: the run's folder, for the files; where it is remote or None, they lie in the cache of data.
    """

    def __init__(self, kind: str, workdir: str | os.PathLike[str] | None = None):
        self._kind = kind
        self._workdir = None if workdir is None or is_remote(workdir) else os.fspath(workdir)
        self._folder: str | None = None
        self._made = 0
        self.bytes = 0

    @property
    def place(self) -> str:
        """Where they are, in words."""
        return "in memory" if self._folder is None else f"in files in {self._folder}"

    def empty(self, shapes: Sequence[tuple[int, ...]]) -> list[np.ndarray]:
        """Returns a new float32 array of each shape."""
        size = sum(4 * int(np.prod(shape)) for shape in shapes)
        in_files = self._kind == "disk" or size > budget()
        self.bytes += size
        return [self._file(shape) if in_files else aligned_empty(shape, "float32") for shape in shapes]

    def clear(self) -> None:
        """Takes the files away; what reads them must be done."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self.bytes = None, 0

    def _file(self, shape):
        if self._folder is None:
            self._folder = self._new_folder()
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # a run may break off
        self._made += 1
        path = os.path.join(self._folder, f"{self._made}.npy")
        return open_memmap(path, mode="w+", dtype="float32", shape=shape)

    def _new_folder(self):
        if self._workdir is None:
            os.makedirs(cache.folder(), exist_ok=True)
            return tempfile.mkdtemp(prefix="features_", dir=cache.folder())
        folder = os.path.join(self._workdir, "features")
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        os.makedirs(folder)
        return folder


def why_not_kept(source: Source, parts: GraphParts, strategy: Any) -> str | None:
    """Returns why the features of a source's examples are not the same each time, or None where they are.

    Args:
        source: of the examples.
        parts: of the model.
        strategy: of `tt.strategy`.
    """
    some = tf.range(min(_TRIED, source.num_examples), dtype=tf.int64)
    examples, others = source.fetch(some, some), source.fetch(some, some + _ELSEWHERE)
    if not _same(tf.nest.flatten(examples), tf.nest.flatten(others)):
        return "the data draw random numbers"
    predict = _prediction(parts, strategy)
    features, masks = predict(examples[0])
    if not all(mask.all() for mask in masks):
        return "the frozen part hands on a mask"
    if not _same(features, predict(examples[0], _ELSEWHERE)[0]):
        return "the frozen part draws random numbers at inference, too"
    return None


def features_of(source: Source, parts: GraphParts, strategy: Any, batch_size: int, store: FeatureStore) -> KeptSource:
    """Returns a source of the features in place of the inputs.

    Args:
        source: of the examples.
        parts: of the model.
        strategy: of `tt.strategy`.
        batch_size: examples at once.
        store: gets the features.
    """
    predict, number = _prediction(parts, strategy), source.num_examples
    features: list[np.ndarray] = []
    others: list[Any] = []
    with Counting(number) as progress:
        for position, (inputs, *rest) in placed_in_order(source, batch_size):
            arrays, _ = predict(inputs, position)
            features = features or store.empty([(number, *array.shape[1:]) for array in arrays])
            for kept, array in zip(features, arrays):
                kept[position : position + len(array)] = array
            others.append(tf.nest.map_structure(np.asarray, tuple(rest)))
            progress.advance(len(arrays[0]))
    return KeptSource((tuple(features), *tf.nest.map_structure(lambda *parts: np.concatenate(parts), *others)))


def _prediction(parts, strategy):
    features = lambda inputs, training: parts.features(inputs)  # noqa: E731
    return engine().Prediction(strategy, parts.model, "evaluation_batch_size", features)


def _same(some, others):
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(some, others))

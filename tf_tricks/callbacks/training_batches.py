"""Batches of training examples that a callback looks at, beside those that are trained on."""

import copy
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Structure
from tf_tricks.protocols import Stream


def training_batches(
    data: Stream | Iterable[Any], batch_size: int, number: int, start: int = 0
) -> Iterator[tuple[Structure, ...]]:
    """Returns an iterator over at most `number` batches (inputs, labels) of NumPy arrays.

    Args:
        data: a `tt.data.Stream`, whose position stays where it is; a tuple of arrays (inputs [n, ...], labels
            [n, ...]), which are shuffled, differently in each pass; or an iterable of batches, taken as they come.
        batch_size: examples a batch; batches of an iterable have their own.
        number: how many batches.
        start: how many examples to pass over; an iterable begins at its beginning.

    Example:
        >>> import numpy as np
        >>> batches = training_batches((np.arange(4), np.arange(4)), batch_size=2, number=2)
        >>> sorted(np.concatenate([inputs for inputs, _ in batches]).tolist())
        [0, 1, 2, 3]
    """
    if isinstance(data, Stream):
        view = copy.copy(data)
        view.examples_seen, view.batch_size = start, batch_size
        return (view[i][:2] for i in range(number))  # without weights of examples
    if isinstance(data, tuple):
        return (_rows(data, start + i * batch_size + np.arange(batch_size)) for i in range(number))
    return (keras.tree.map_structure(np.asarray, batch) for batch in itertools.islice(data, number))


def num_examples(data: Stream | Iterable[Any]) -> int | None:
    """Returns how many examples there are in what `training_batches` takes, or None for an iterable of batches."""
    if isinstance(data, Stream):
        return data.source.num_examples
    return len(data[0]) if isinstance(data, tuple) else None


def _rows(arrays, positions):
    number = len(arrays[0])
    orders = {k: np.random.default_rng(k).permutation(number) for k in np.unique(positions // number)}
    rows = np.array([orders[k // number][k % number] for k in positions])
    return tuple(np.asarray(array)[rows] for array in arrays)

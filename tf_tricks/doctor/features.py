"""What simple learners can be given of any inputs: rows of numbers in which order and counts can be seen, too."""

from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.doctor.looks import flat, is_pictures

_TOKENS = 512
"""Different integers in a sequence up to which they are taken for tokens, which are counted."""

_POSITIONS = 4096
"""Numbers up to which tokens are laid out by position."""

_PAIRS = 32
"""Positions up to which each is compared with each other."""


def features(inputs: Any) -> np.ndarray:
    """Returns float32 [n, d]: the inputs as rows, with what tells sequences and tokens apart beside them.

    Args:
        inputs: a structure of arrays [n, ...].

    Example:
        >>> features(np.array([[0, 2, 2], [1, 0, 1]])).shape  # the numbers, their counts, which are where, pairs
        (2, 25)
    """
    columns = []
    for array in map(np.asarray, tf.nest.flatten(inputs)):
        columns.append(flat(array, side=16))
        if array.dtype.kind in "bui" and array.ndim == 2 and array.shape[1] > 1 and int(array.max()) < _TOKENS:
            columns += _of_tokens(array)
        elif array.dtype.kind == "f" and array.ndim == 3:
            columns += _of_sequences(array)
        elif is_pictures(array):
            columns.append(_of_pictures(array))
    return np.concatenate([column.astype("float32") for column in columns], axis=1)


def _of_tokens(array):
    number = int(array.max()) + 1
    counts = np.stack([np.bincount(row, minlength=number) for row in np.maximum(array, 0)])
    found = [counts, (counts > 0).sum(axis=1, keepdims=True), array.sum(axis=1, keepdims=True) % 2]
    found.append((array[:, 1:] == array[:, :-1]).sum(axis=1, keepdims=True))
    found.append((array[:, 1:] > array[:, :-1]).sum(axis=1, keepdims=True))
    if array.shape[1] <= _PAIRS:
        i, j = np.triu_indices(array.shape[1], 1)
        found += [array[:, i] == array[:, j], array[:, i] < array[:, j]]
    if number * array.shape[1] <= _POSITIONS:
        found.append((array[:, :, None] == np.arange(number)).reshape(len(array), -1))
    return found


def _of_sequences(array):
    """By channel: level, spread, both ends, where the extremes are, and how alike neighbours are."""
    length = array.shape[1]
    centred = array - array.mean(axis=1, keepdims=True)
    found = [array.mean(axis=1), array.std(axis=1), array[:, 0], array[:, -1], array.max(axis=1), array.min(axis=1)]
    places = np.argmax(array, axis=1) / length
    found += [places, np.argmin(array, axis=1) / length]
    found += [places[:, i : i + 1] - places[:, i + 1 :] for i in range(min(8, array.shape[2] - 1))]
    found += [np.mean(centred[:, :-lag] * centred[:, lag:], axis=1) for lag in (1, 2, 4) if lag < length]
    if length >= 8:
        found.append(np.abs(np.fft.rfft(centred, axis=1))[:, 1:33].reshape(len(array), -1))
    return found


def _of_pictures(array):
    """By channel: level and spread, and of the differences between neighbours."""
    values = array.astype("float32")
    parts = [values, np.diff(values, axis=1), np.diff(values, axis=2)]
    found = [moment for part in parts for moment in (part.mean(axis=(1, 2)), part.std(axis=(1, 2)))]
    return np.concatenate(found, axis=1)

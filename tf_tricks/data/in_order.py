"""The examples of a source in their order, read ahead."""

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.protocols import Source


def in_order(source: Source, batch_size: int, part: tuple[int, int] = (0, 1)) -> Iterator[tuple[Structure, ...]]:
    """Yields what the source's `fetch` gives, as NumPy arrays [b, ...], the last batch smaller.

    Args:
        source: of the examples.
        batch_size: examples of a batch.
        part: (index, number): of each batch that is whole, only this part is read, of so many; they divide it.

    Example:
        >>> from tf_tricks.data import ArraySource
        >>> [len(inputs) for inputs, _ in in_order(ArraySource(np.zeros((5, 1)), np.arange(5)), batch_size=2)]
        [2, 2, 1]
    """
    number = tf.constant(source.num_examples, tf.int64)

    def fetch(start):
        stop = tf.minimum(start + batch_size, number)
        if part[1] > 1:
            size, whole = batch_size // part[1], stop - start == batch_size
            start = tf.where(whole, start + part[0] * size, start)
            stop = tf.where(whole, start + size, stop)
        indices = tf.range(start, stop)
        return source.fetch(indices, indices)

    options = tf.data.Options()
    options.autotune.enabled = False  # as in the stream
    starts = tf.data.Dataset.range(0, source.num_examples, batch_size)
    for batch in starts.map(fetch, num_parallel_calls=2, deterministic=True).prefetch(2).with_options(options):
        yield tf.nest.map_structure(np.asarray, batch)


def placed_in_order(
    source: Source, batch_size: int, part: tuple[int, int] = (0, 1)
) -> Iterator[tuple[int, tuple[Structure, ...]]]:
    """Yields the position of each batch's first example, and the batch, as `in_order` gives it."""
    start = 0
    for batch in in_order(source, batch_size, part):
        yield start, batch
        start += batch_size

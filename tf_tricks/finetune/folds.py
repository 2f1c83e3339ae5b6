"""Some rows of a source, which can be others from one training to the next without another compilation."""

from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data import Source


class Rows:
    """A source of some of another's examples.

    Args:
        source: of all examples.
        rows: their places, integers [n].
    """

    def __init__(self, source: Source, rows: np.ndarray):
        self._source = source
        self.num_examples = len(rows)
        self._rows = np.array(rows, "int64")

    def choose(self, rows: np.ndarray) -> None:
        """Takes other rows, as many."""
        self._rows[:] = rows

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, ...]:
        """Returns examples, as the source does."""
        with tf.device("CPU:0"):
            # A variable would have TensorFlow read one batch at a time, for it may change while a pipeline runs.
            chosen = tf.numpy_function(lambda places: self._rows[places], [indices], tf.int64, stateful=False)
            return self._source.fetch(tf.ensure_shape(chosen, indices.shape), positions)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "all_labels":
            raise AttributeError(name)
        return getattr(self._source, name)

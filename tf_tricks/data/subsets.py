"""Sources of some of another source's examples."""

import copy
from typing import Any, Self

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Tensor


class Subsets:
    """What a source needs to give sources of some of its examples, which share its memory.

    Attributes:
        num_examples: n.
    """

    num_examples: int
    _rows: Any = None  # of the whole, int64 [n]; None for all of them in their order

    def subset(self, rows: Tensor) -> Self:
        """Returns a source of the examples `rows`, an array of indices; it shares this source's memory."""
        part = copy.copy(self)
        part.num_examples = len(rows)
        with tf.device("CPU:0"):
            part._rows = self._of_whole(tf.constant(np.asarray(rows), tf.int64))
        return part

    def _of_whole(self, indices):
        """The places of examples in the whole, for their indices here."""
        return indices if self._rows is None else tf.gather(self._rows, indices)

"""Examples of a data set that has an index, read when they are fetched."""

import concurrent.futures
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data.elements import as_array, picker
from tf_tricks.data.labels import CLASSES, Labels, describe
from tf_tricks.data.structure import map_arrays
from tf_tricks.data.subsets import Subsets
from tf_tricks.errors import RequestError

_LOOKED_AT = 64
"""Examples whose labels are looked at to tell what kind they are."""


class IndexedSource(Subsets):
    """Examples of anything with `__len__` and `__getitem__`: read and decoded by threads when they are fetched.

    For what is too large for the memory and is decoded as it is read, such as a data source of TFDS or a data set of
    Hugging Face with pictures. (`tt.data.read` reads once, and is faster from then on; it keeps pictures decoded.)

    Args:
        data: what `data[i]` gives one example of, for i from 0 to `len(data)` − 1; all of one shape. It is called from
            several threads.
        inputs: the name of the column that is the input, or a structure of names as the model takes it; None where the
            examples are (inputs, labels, weights), (inputs, labels) or inputs alone.
        labels: of the labels, likewise; None for none.
        weights: of what each example counts, likewise.
        num_classes: of labels that are classes, which must be said: only a few of them are looked at.
        label_names: names of the classes, or None.

    Attributes: those of `ArraySource`.

    Raises:
        RequestError: there are no examples, or a name or `num_classes` is missing.

    Example:
        >>> rows = [{"x": np.full(2, i, "float32"), "y": i % 3} for i in range(6)]
        >>> source = IndexedSource(rows, "x", "y", num_classes=3)
        >>> source.fetch(tf.constant([5], tf.int64))[0].numpy().tolist()
        [[5.0, 5.0]]
    """

    def __init__(
        self,
        data: Any,
        inputs: Structure | None = None,
        labels: Structure | None = None,
        weights: Structure | None = None,
        num_classes: int | None = None,
        label_names: Sequence[str] | None = None,
    ):
        if not len(data):
            raise RequestError("a data set must hold at least one example, not none")
        self._data, self._pick = data, picker(inputs, labels, weights)
        self._threads = concurrent.futures.ThreadPoolExecutor(4 * (os.cpu_count() or 1))
        self.num_examples = len(data)
        first = self._example(0)
        self._spec = tf.nest.map_structure(_spec, first)
        self.input_shape = tf.nest.map_structure(np.shape, first[0])
        self.input_dtype = tf.nest.map_structure(lambda one: one.dtype.name, self._spec[0])
        self.labels = self._labels(num_classes) if len(first) > 1 else None
        self.num_classes = self.num_outputs = None
        if isinstance(self.labels, Labels):
            self.num_classes, self.num_outputs = self.labels.num_classes, self.labels.num_outputs
        self.label_names = None if label_names is None else list(label_names)
        self.has_weights = len(first) == 3

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, ...]:
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: ignored.
        """
        specs = tf.nest.flatten(self._spec)
        with tf.device("CPU:0"):
            rows = self._of_whole(indices)
            arrays = tf.numpy_function(self._read, [rows], [spec.dtype for spec in specs], stateful=False)
            arrays = [tf.ensure_shape(array, [*rows.shape, *spec.shape]) for array, spec in zip(arrays, specs)]
            return tf.nest.pack_sequence_as(self._spec, arrays)

    def _example(self, index):
        return map_arrays(as_array, self._pick(self._data[int(index)]))

    def _read(self, rows):
        examples = list(self._threads.map(self._example, rows))
        specs = tf.nest.flatten(self._spec)
        columns = list(zip(*map(tf.nest.flatten, examples)))
        for spec, column in zip(specs, columns):
            for row, value in zip(rows, column):
                if _spec(value) != spec:
                    raise ValueError(f"example {row} is {_spec(value).dtype.name} {list(value.shape)}, others {spec}")
        return [np.stack(column) for column in columns]

    def _labels(self, num_classes):
        rows = np.unique(np.linspace(0, self.num_examples - 1, _LOOKED_AT).astype("int64"))
        some = [self._example(row)[1] for row in rows]
        stacked = tf.nest.map_structure(lambda *values: np.stack(values), *some)
        single = not tf.nest.is_nested(stacked)
        found = tf.nest.map_structure(lambda array: describe(array, num_classes if single else None), stacked)
        if single and found.kind == CLASSES:
            if num_classes is None:
                raise RequestError("only a few labels are looked at: say how many classes there are, num_classes")
            found = found._replace(minimum=0, maximum=num_classes - 1)
        return found


def _spec(array):
    return tf.TensorSpec(np.shape(array), tf.string if array.dtype == object else tf.as_dtype(array.dtype))

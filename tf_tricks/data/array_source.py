"""Examples in arrays."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data import structure
from tf_tricks.data.labels import Labels, describe
from tf_tricks.data.rows import rows_of
from tf_tricks.data.subsets import Subsets
from tf_tricks.errors import NoClass, NotFinite, RequestError

_IN_A_FILE = 4096
"""Rows that are looked at where an array stays in its file."""


class ArraySource(Subsets):
    """Examples in arrays, held in memory once; or in their file, as `np.load(…, mmap_mode="r")` gives them.

    Args:
        inputs: array [n, ...], or a dict, tuple or list of such, as the model takes them. Floats become float32,
            everything else is kept: images of uint8, integers of tokens, strings.
        labels: integers [n] or [n, 1], which are classes; other numbers [n, ...]; or a dict, tuple or list of such.
            None for a model that learns without: one with losses of its own.
        weights: what each example counts, real numbers [n] at least 0, in the structure of `labels` where they differ
            from output to output; None for 1.
        num_classes: classes, if there may be more than the labels show; for labels that are classes, or one-hot.
        label_names: their names, or None.

    Attributes:
        num_examples: n.
        input_shape: the shape of one input, in the structure of the inputs.
        input_dtype: its dtype, `"uint8"` or `"float32"` for instance, likewise.
        labels: a `Labels` for each array of labels, likewise: what kind they are; None where there are none.
        num_classes: classes, or None where the labels are no classes.
        num_outputs: what a model has to put out: `num_classes`, or the last axis of the labels; None for several.
        label_names: names of the classes, or None.
        has_weights: whether there are weights.

    Raises:
        RequestError: the arrays do not fit each other, or their values cannot be used.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> source = ArraySource(np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]))
        >>> source.num_examples, source.input_shape, source.num_classes
        (3, (2,), 2)
        >>> inputs, labels = source.fetch(tf.constant([2, 0], tf.int64))
        >>> inputs.numpy().tolist(), labels.numpy().tolist()
        ([[4.0, 5.0], [0.0, 1.0]], [1, 0])
    """

    def __init__(
        self,
        inputs: Structure,
        labels: Structure | None = None,
        weights: Structure | None = None,
        num_classes: int | None = None,
        label_names: Sequence[str] | None = None,
    ):
        inputs = structure.map_arrays(lambda values: _numbers("inputs", values, strings=True), inputs)
        if labels is not None:
            labels = structure.map_arrays(lambda values: _numbers("labels", values), labels)
        elif weights is not None:
            raise RequestError("there are weights of examples, and no labels")
        self.num_examples = _common_length(inputs, labels)
        self.input_shape = tf.nest.map_structure(lambda array: array.shape[1:], inputs)
        self.input_dtype = tf.nest.map_structure(_dtype_name, inputs)
        self.labels = None
        if labels is not None:
            self.labels = tf.nest.map_structure(lambda array: describe(array, num_classes), labels)
        self.num_classes = self.num_outputs = None
        if isinstance(self.labels, Labels):
            self.num_classes, self.num_outputs = self.labels.num_classes, self.labels.num_outputs
        elif num_classes is not None:
            several = "no labels" if labels is None else "several arrays of labels"
            raise RequestError(f"num_classes is {num_classes}, but there are {several}")
        self.label_names = None if label_names is None else list(label_names)
        self.has_weights = weights is not None
        parts = [inputs] if labels is None else [inputs, labels]
        parts += [] if weights is None else [_weights(weights, labels)]
        self._parts = tuple(parts)
        self._gather = tf.nest.map_structure(_rows, self._parts)

    @property
    def arrays(self) -> tuple[tuple[Structure, ...], np.ndarray | None]:
        """The arrays of the whole, as (inputs, labels, weights), and which rows of them the examples are; None: all."""
        return self._parts, None if self._rows is None else np.asarray(self._rows)

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, ...]:
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: ignored; sources that draw random numbers need it.

        Returns:
            (inputs [b, ...],), (inputs, labels [b, ...]) or (inputs, labels, weights [b]), as there are.
        """
        with tf.device("CPU:0"):
            rows = self._of_whole(indices)
            return tf.nest.map_structure(lambda gather: gather(rows), self._gather)


def _rows(array):
    rows = rows_of(array)
    if array.dtype.kind != "f" or array.dtype == "float32":
        return rows
    return lambda indices: tf.cast(rows(indices), tf.float32)  # of a file, which stays as it is


def _numbers(name, values, strings=False):
    if isinstance(values, (tf.RaggedTensor, tf.SparseTensor)) or hasattr(values, "toarray"):
        remedy = "pad them, with to_tensor()" if isinstance(values, tf.RaggedTensor) else "make them dense"
        raise RequestError(f"the {name} must be arrays of numbers, not a {type(values).__name__}: {remedy}")
    try:
        values = values if isinstance(values, np.memmap) else np.asarray(values)
    except ValueError:
        raise RequestError(f"the {name} must be arrays, and not of rows of different lengths") from None
    if strings and values.ndim and (values.dtype.kind in "US" or (values.dtype.kind == "O" and _are_strings(values))):
        return values.astype(object)
    if values.ndim == 0 or values.dtype.kind not in "buif":
        raise RequestError(f"the {name} must be numbers [n, ...], not {values.dtype} {list(values.shape)}")
    if values.dtype.kind != "f":
        return values
    some = values
    if isinstance(values, np.memmap):
        some = values[np.unique(np.linspace(0, len(values) - 1, min(_IN_A_FILE, len(values))).astype("int64"))]
    else:
        some = values = values.astype("float32", copy=False)
    if some.size and not (np.isfinite(some.min()) and np.isfinite(some.max())):  # NaN comes through both
        kind = NoClass if name == "labels" else NotFinite
        raise kind(f"the {name} must be finite, and {_where(some)}")
    return values


def _where(values):
    """Which numbers are not finite, as a part of a sentence."""
    places = np.argwhere(~np.isfinite(values))
    columns = np.unique(places[:, -1]) if values.ndim > 1 else []
    where = f", all of them in column {columns[0]} of the last axis" if len(columns) == 1 else ""
    return f"some are NaN or infinite: {len(places):,} of {values.size:,}{where}, the first at {places[0].tolist()}"


def _are_strings(values):
    return all(isinstance(value, (str, bytes)) for value in values.flat)


def _dtype_name(array):
    return {"O": "string", "f": "float32"}.get(array.dtype.kind, array.dtype.name)


def _common_length(inputs, labels):
    lengths = [len(array) for array in tf.nest.flatten(inputs)]
    if not lengths or (labels is not None and not tf.nest.flatten(labels)):
        raise RequestError("a data set must have inputs and labels, not an empty structure of them")
    if len(set(lengths)) > 1:
        raise RequestError(f"there must be as many examples in each of the inputs, not {', '.join(map(str, lengths))}")
    for array in [] if labels is None else tf.nest.flatten(labels):
        if len(array) != lengths[0]:
            raise RequestError(f"there must be a label for each input, not {len(array)} for {lengths[0]} inputs")
    if not lengths[0]:
        raise RequestError("a data set must hold at least one example, not none")
    return lengths[0]


def _weights(weights, labels):
    weights = structure.map_arrays(lambda values: _numbers("weights", values).astype("float32"), weights)
    if tf.nest.is_nested(weights):
        if not tf.nest.is_nested(labels) or len(tf.nest.flatten(weights)) != len(tf.nest.flatten(labels)):
            raise RequestError("the weights must be one array, or in the structure of the labels")
    number = len(tf.nest.flatten(labels)[0])
    for array in tf.nest.flatten(weights):
        if len(array) != number:
            raise RequestError(f"there must be a weight for each example, not {len(array)} for {number} examples")
        if (
            array.ndim > 1
            and not tf.nest.is_nested(labels)
            and array.shape[1:] not in (labels.shape[1 : array.ndim], (1,))
        ):
            raise RequestError(
                f"the weights must be [n], or a number for each of the labels {list(labels.shape)}, "
                f"not {list(array.shape)}"
            )
        if array.min() < 0:
            raise RequestError(f"the weights must be at least 0, not {array.min():g}")
        if not array.any():
            raise RequestError("the weights are all 0: nothing would be trained")
    return weights

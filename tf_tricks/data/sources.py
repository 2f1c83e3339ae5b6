"""A source is one split of a data set, its examples reached by their index."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data import structure
from tf_tricks.data.decode import decode
from tf_tricks.data.labels import CLASSES, Labels, describe
from tf_tricks.errors import RequestError
from tf_tricks.protocols import Source


class ArraySource:
    """Examples in arrays, held in memory once.

    Args:
        inputs: array [n, ...], or a dict, tuple or list of such, as the model takes them. Floats become float32,
            everything else is kept: images of uint8, integers of tokens, strings.
        labels: integers [n] or [n, 1], which are classes; other numbers [n, ...]; or a dict, tuple or list of such.
        weights: what each example counts, real numbers [n] at least 0, in the structure of `labels` where they differ
            from output to output; None for 1.
        num_classes: classes, if there may be more than the labels show; for labels that are classes, or one-hot.
        label_names: their names, or None.

    Attributes:
        num_examples: n.
        input_shape: the shape of one input, in the structure of the inputs.
        input_dtype: its dtype, `"uint8"` or `"float32"` for instance, likewise.
        labels: a `Labels` for each array of labels, likewise: what kind they are.
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
        labels: Structure,
        weights: Structure | None = None,
        num_classes: int | None = None,
        label_names: Sequence[str] | None = None,
    ):
        inputs = structure.map_arrays(lambda values: _numbers("inputs", values, strings=True), inputs)
        labels = structure.map_arrays(lambda values: _numbers("labels", values), labels)
        self.num_examples = _common_length(inputs, labels)
        self.input_shape = tf.nest.map_structure(lambda array: array.shape[1:], inputs)
        self.input_dtype = tf.nest.map_structure(_dtype_name, inputs)
        self.labels = tf.nest.map_structure(lambda array: describe(array, num_classes), labels)
        self.num_classes = self.num_outputs = None
        if isinstance(self.labels, Labels):
            self.num_classes, self.num_outputs = self.labels.num_classes, self.labels.num_outputs
        elif num_classes is not None:
            raise RequestError(f"num_classes is {num_classes}, but there are several arrays of labels")
        self.label_names = None if label_names is None else list(label_names)
        self.has_weights = weights is not None
        examples = (inputs, labels) if weights is None else (inputs, labels, _weights(weights, labels))
        # Eager tensors on the host: a function that is mapped over a data set refers to them and copies nothing.
        with tf.device("CPU:0"):
            self._examples = tf.nest.map_structure(tf.constant, examples)
        self._rows = None

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, ...]:
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: ignored; sources that draw random numbers need it.

        Returns:
            (inputs [b, ...], labels [b, ...]), or, if there are weights, (inputs, labels, weights [b]).
        """
        with tf.device("CPU:0"):
            if self._rows is not None:
                indices = tf.gather(self._rows, indices)
            return tf.nest.map_structure(lambda values: tf.gather(values, indices), self._examples)

    def subset(self, rows: Tensor) -> "ArraySource":
        """Returns a source of the examples `rows`, an array of indices; it shares this source's memory."""
        rows = np.asarray(rows, "int64")
        part = copy.copy(self)
        part.num_examples = len(rows)
        with tf.device("CPU:0"):
            rows = tf.constant(rows)
            part._rows = rows if self._rows is None else tf.gather(self._rows, rows)
        return part


class EncodedSource:
    """Encoded images too large to be kept decoded: read, decoded and cropped when they are fetched.

    Args:
        records: serialized `tf.train.Example`s with `__len__` and `__getitems__`, as a TFDS data source has them.
        window: function (shape, position) -> window: which part of an image to take, see `tf_tricks.data.decode`.
        image_size: side of the square to which the windows are resized, in pixels.
        num_classes: classes.
        label_names: their names, or None.
        channels: 1 or 3.
        image_key: the name of the image in the records.
        label_key: the name of the label in the records.
        rows: array of the indices of the records that belong to this source, or None for all.

    Attributes: those of `ArraySource`.
    """

    def __init__(
        self,
        records: Any,
        window: Callable[..., Tensor],
        image_size: int,
        num_classes: int,
        label_names: Sequence[str] | None = None,
        channels: int = 3,
        image_key: str = "image",
        label_key: str = "label",
        rows: Tensor | None = None,
    ):
        self._records = records
        self._window = window
        self._keys = image_key, label_key
        with tf.device("CPU:0"):
            self._rows = tf.range(len(records), dtype=tf.int64) if rows is None else tf.constant(rows, tf.int64)
        self.num_examples = len(self._rows)
        self.input_shape = (image_size, image_size, channels)
        self.input_dtype = "uint8"
        self.num_classes = self.num_outputs = num_classes
        self.labels = Labels(CLASSES, num_classes, num_classes, 0, num_classes - 1)
        self.has_weights = False
        self.label_names = label_names

    def fetch(self, indices: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: int64 tensor [b], the place k of each example in the stream: random windows are drawn from it.

        Returns:
            (inputs uint8 [b, image_size, image_size, channels], labels int32 [b]).
        """
        size, _, channels = self.input_shape
        with tf.device("CPU:0"):
            encoded, labels = read_encoded(self._records, tf.gather(self._rows, indices), *self._keys)
            images = tf.map_fn(
                lambda pair: decode(pair[0], self._window, pair[1], size, channels),
                (encoded, positions),
                parallel_iterations=16,
                fn_output_signature=tf.TensorSpec(self.input_shape, tf.uint8),
            )
            return images, tf.cast(labels, tf.int32)


def read_encoded(records: Any, rows: Tensor, image_key: str, label_key: str) -> tuple[Tensor, Tensor]:
    """Reads records; usable inside `tf.data.Dataset.map`.

    Args:
        records: as for `EncodedSource`.
        rows: int64 tensor [b], indices of records.
        image_key: the name of the image in the records.
        label_key: the name of the label in the records.

    Returns:
        (encoded images, string [b], labels, int64 [b]).
    """

    def read(rows):
        return np.array([bytes(record) for record in records.__getitems__(rows.tolist())], object)

    serialized = tf.numpy_function(read, [rows], tf.string, stateful=False)
    features = {image_key: tf.io.FixedLenFeature([], tf.string), label_key: tf.io.FixedLenFeature([], tf.int64)}
    examples = tf.io.parse_example(tf.ensure_shape(serialized, rows.shape), features)
    return examples[image_key], examples[label_key]


def as_source(data: Source | tuple[Structure, ...] | list[Structure]) -> Source:
    """Returns `data` if it is a source, or the source of arrays (inputs, labels) or (inputs, labels, weights).

    Raises:
        RequestError: it is none of these.
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (tuple, list)) and len(data) in (2, 3):
        return ArraySource(*data)
    raise RequestError(
        "data must be a source of tf_tricks.data, or arrays (inputs, labels) or (inputs, labels, weights), "
        f"not {structure.described(data)}"
    )


def _numbers(name, values, strings=False):
    if isinstance(values, (tf.RaggedTensor, tf.SparseTensor)) or hasattr(values, "toarray"):
        remedy = "pad them, with to_tensor()" if isinstance(values, tf.RaggedTensor) else "make them dense"
        raise RequestError(f"the {name} must be arrays of numbers, not a {type(values).__name__}: {remedy}")
    try:
        values = np.asarray(values)
    except ValueError:
        raise RequestError(f"the {name} must be arrays, and not of rows of different lengths") from None
    if strings and values.ndim and (values.dtype.kind in "US" or (values.dtype.kind == "O" and _are_strings(values))):
        return values.astype(object)
    if values.ndim == 0 or values.dtype.kind not in "buif":
        raise RequestError(f"the {name} must be numbers [n, ...], not {values.dtype} {list(values.shape)}")
    if values.dtype.kind != "f":
        return values
    values = values.astype("float32", copy=False)
    if not np.isfinite(values).all():
        raise RequestError(f"the {name} must be finite, and some are NaN or infinite")
    return values


def _are_strings(values):
    return all(isinstance(value, (str, bytes)) for value in values.flat)


def _dtype_name(array):
    return "string" if array.dtype.kind == "O" else array.dtype.name


def _common_length(inputs, labels):
    lengths = [len(array) for array in tf.nest.flatten(inputs)]
    if not lengths or not tf.nest.flatten(labels):
        raise RequestError("a data set must have inputs and labels, not an empty structure of them")
    if len(set(lengths)) > 1:
        raise RequestError(f"there must be as many examples in each of the inputs, not {', '.join(map(str, lengths))}")
    for array in tf.nest.flatten(labels):
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

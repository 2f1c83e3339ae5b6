"""A source is one split of a data set, its examples reached by their index."""

import copy

import numpy as np
import tensorflow as tf

from tf_tricks.data.decode import decode
from tf_tricks.errors import RequestError, check_number


class ArraySource:
    """Examples in arrays, held in memory once.

    Args:
        inputs: array [n, ...] of numbers. uint8 (images) is kept, everything else becomes float32.
        labels: whole numbers [n] or [n, 1] for classification; real numbers [n, d] or [n] for regression.
        num_classes: classes, if there may be more than the labels show; classification only.
        label_names: their names, or None.

    Attributes:
        num_examples: n.
        input_shape: the shape of one input.
        input_dtype: `"uint8"` or `"float32"`.
        num_classes: classes, or None for regression.
        num_outputs: what a model has to put out: `num_classes`, or d for regression.
        label_names: names of the classes, or None.

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

    def __init__(self, inputs, labels, num_classes=None, label_names=None):
        inputs, labels = _inputs(inputs), _labels(labels)
        if len(inputs) != len(labels):
            raise RequestError(f"there must be a label for each input, not {len(labels)} for {len(inputs)} inputs")
        if not len(inputs):
            raise RequestError("a data set must hold at least one example, not none")
        self.num_examples = len(inputs)
        self.input_shape = inputs.shape[1:]
        self.input_dtype = inputs.dtype.name
        if labels.ndim == 2:
            if num_classes is not None:
                raise RequestError(f"num_classes is {num_classes}, but the labels are real numbers, not classes")
            self.num_classes, self.num_outputs = None, labels.shape[1]
        else:
            self.num_classes = self.num_outputs = _classes(labels, num_classes)
            labels = labels.astype("int32")
        self.label_names = None if label_names is None else list(label_names)
        # Eager tensors on the host: a function that is mapped over a data set refers to them and copies nothing.
        with tf.device("CPU:0"):
            self._inputs, self._labels = tf.constant(inputs), tf.constant(labels)
        self._rows = None

    def fetch(self, indices, positions=None):
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: ignored; sources that draw random numbers need it.

        Returns:
            (inputs [b, ...], labels), where labels are int32 [b] for classification, float32 [b, d] for regression.
        """
        with tf.device("CPU:0"):
            if self._rows is not None:
                indices = tf.gather(self._rows, indices)
            return tf.gather(self._inputs, indices), tf.gather(self._labels, indices)

    def subset(self, rows):
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
        records,
        window,
        image_size,
        num_classes,
        label_names=None,
        channels=3,
        image_key="image",
        label_key="label",
        rows=None,
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
        self.label_names = label_names

    def fetch(self, indices, positions):
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


def read_encoded(records, rows, image_key, label_key):
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


def as_source(data):
    """Returns `data` if it is a source, or the source of a pair of arrays (inputs, labels).

    Raises:
        RequestError: it is neither.
    """
    if hasattr(data, "fetch") and hasattr(data, "num_examples"):
        return data
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return ArraySource(*data)
    raise RequestError(f"data must be a source of tf_tricks.data or a pair of arrays (inputs, labels), not {data!r}")


def _inputs(values):
    values = np.asarray(values)
    if values.ndim == 0 or values.dtype.kind not in "buif":
        raise RequestError(f"the inputs must be numbers [n, ...], not {values.dtype} {list(values.shape)}")
    return _finite("inputs", values if values.dtype == np.uint8 else values.astype("float32", copy=False))


def _labels(values):
    values = np.asarray(values)
    if values.dtype.kind in "bui" and (values.ndim == 1 or (values.ndim == 2 and values.shape[1] == 1)):
        return values.reshape(-1)
    if values.dtype.kind == "f" and values.ndim in (1, 2):
        return _finite("labels", (values[:, np.newaxis] if values.ndim == 1 else values).astype("float32"))
    given = f"{values.dtype} {list(values.shape)}"
    raise RequestError(f"the labels must be whole numbers [n] (classes) or real numbers [n, d], not {given}")


def _finite(name, values):
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise RequestError(f"the {name} must be finite, and some are NaN or infinite")
    return values


def _classes(labels, num_classes):
    if num_classes is None:
        num_classes = int(labels.max()) + 1
    check_number("num_classes", num_classes, minimum=1, integer=True)
    for label in (labels.min(), labels.max()):
        if not 0 <= label < num_classes:
            raise RequestError(f"the labels must be from 0 to {num_classes - 1}, the classes, not {label}")
    return num_classes

"""Examples in ArrayRecord files, read by their index."""

import json
import os
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from etils import epath

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data.labels import Labels
from tf_tricks.data.subsets import Subsets
from tf_tricks.errors import RequestError


def encode(arrays: Sequence[np.ndarray]) -> list[bytes]:
    """Returns the records of a batch, one for each example: a `tf.train.Example` with the bytes of each array.

    Args:
        arrays: [b, ...] each; of numbers, or objects that are texts.
    """

    def feature(row):
        content = row.tobytes() if row.dtype != object else row.item()
        content = content.encode() if isinstance(content, str) else content
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[content]))

    records = []
    for i in range(len(arrays[0])):
        features = {str(place): feature(np.asarray(array[i])) for place, array in enumerate(arrays)}
        records.append(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    return records


class RecordSource(Subsets):
    """Examples in ArrayRecord files, as `tf_tricks.data.spool` writes them; none of them stays in memory.

    Args:
        files: paths, in the order of their examples.
        spec: the structure of an example, (inputs,), (inputs, labels) or (inputs, labels, weights), with a
            `tf.TensorSpec` for each array.
        labels: a `Labels` for each array of labels, or None.
        label_names: names of the classes, or None.

    Attributes: those of `ArraySource`.
    """

    def __init__(
        self,
        files: Sequence[epath.PathLike],
        spec: tuple[Structure, ...],
        labels: Structure | None,
        label_names: Sequence[str] | None = None,
    ):
        from array_record.python import array_record_data_source

        self._records = array_record_data_source.ArrayRecordDataSource([str(file) for file in files])
        self._folder = os.path.dirname(str(files[0]))
        self._spec = spec
        self.num_examples = len(self._records)
        self.input_shape = tf.nest.map_structure(lambda one: tuple(one.shape), spec[0])
        self.input_dtype = tf.nest.map_structure(lambda one: one.dtype.name, spec[0])
        self.labels = labels
        self.num_classes = self.num_outputs = None
        if isinstance(labels, Labels):
            self.num_classes, self.num_outputs = labels.num_classes, labels.num_outputs
        self.label_names = None if label_names is None else list(label_names)
        self.has_weights = len(spec) == 3

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, ...]:
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: ignored.
        """
        with tf.device("CPU:0"):
            rows = self._of_whole(indices)
            records = tf.ensure_shape(tf.numpy_function(self._read, [rows], tf.string, stateful=False), rows.shape)
            specs = tf.nest.flatten(self._spec)
            features = {str(i): tf.io.FixedLenFeature([], tf.string) for i in range(len(specs))}
            found = tf.io.parse_example(records, features)
            arrays = [_decoded(found[str(i)], spec) for i, spec in enumerate(specs)]
            return tf.nest.pack_sequence_as(self._spec, arrays)

    def _read(self, rows):
        try:
            return np.array(self._records.__getitems__(rows.tolist()), object)
        except RuntimeError as error:
            reason = str(error).split(";")[0]
            message = f"a file in {self._folder} is damaged ({reason}): remove it, and the examples are read again"
            raise tf.errors.DataLossError(None, None, message) from error


def _decoded(contents, spec):
    if spec.dtype == tf.string:
        return contents
    number = contents.shape[0] if contents.shape[0] is not None else tf.shape(contents)[0]
    return tf.reshape(tf.io.decode_raw(contents, spec.dtype), [number, *spec.shape])


def spec_as_text(spec: tuple[Structure, ...]) -> str:
    """Returns a structure of `tf.TensorSpec`s as JSON, for `spec_of_text`."""
    return json.dumps(tf.nest.map_structure(lambda one: f"{one.dtype.name}{list(one.shape)}", spec))


def spec_of_text(text: str) -> tuple[Structure, ...]:
    """Returns the structure that `spec_as_text` wrote.

    Raises:
        RequestError: it is none.
    """

    def read(value):
        if isinstance(value, Mapping):
            return {key: read(part) for key, part in value.items()}
        if isinstance(value, list):
            return tuple(read(part) for part in value)
        name, _, shape = value.partition("[")
        return tf.TensorSpec(json.loads(f"[{shape}"), tf.as_dtype(name))

    try:
        return read(json.loads(text))
    except (ValueError, TypeError, AttributeError) as error:
        raise RequestError(f"{text!r} does not describe examples") from error

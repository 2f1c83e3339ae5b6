"""Encoded images that are decoded when they are fetched, and where they are read from."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Tensor
from tf_tricks.data.labels import CLASSES, Labels
from tf_tricks.data.subsets import Subsets


class EncodedSource(Subsets):
    """Images that are not kept decoded: read, decoded and resized when they are fetched.

    Args:
        images: what has `__len__` and `read`: a function of rows, int64 [b], that returns the encoded images, string
            [b], and their labels, integers [b], and can be called in a function of `tf.data`. `SerializedExamples` and
            `tf_tricks.data.image_files.ImageFiles` do.
        decode: function (encoded, position, size, channels) -> image, see `tf_tricks.data.decode`.
        image_size: (height, width) of the images in pixels, or an integer for squares.
        num_classes: classes.
        label_names: their names, or None.
        channels: 1 or 3.

    Attributes: those of `ArraySource`.
    """

    def __init__(
        self,
        images: Any,
        decode: Callable[..., Tensor],
        image_size: int | tuple[int, int],
        num_classes: int,
        label_names: Sequence[str] | None = None,
        channels: int = 3,
    ):
        self._images, self._decode = images, decode
        self.num_examples = len(images)
        size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
        self.input_shape = (*size, channels)
        self.input_dtype = "uint8"
        self.num_classes = self.num_outputs = num_classes
        self.labels = Labels(CLASSES, num_classes, num_classes, 0, num_classes - 1)
        self.has_weights = False
        self.label_names = None if label_names is None else list(label_names)

    def fetch(self, indices: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Returns examples; usable inside `tf.data.Dataset.map`.

        Args:
            indices: int64 tensor [b], each from 0 to `num_examples` − 1.
            positions: int64 tensor [b], the place k of each example in the stream: random windows are drawn from it.

        Returns:
            (inputs uint8 [b, height, width, channels], labels int32 [b]).
        """
        *size, channels = self.input_shape
        with tf.device("CPU:0"):
            encoded, labels = self._images.read(self._of_whole(indices))
            images = tf.map_fn(
                lambda pair: self._decode(pair[0], pair[1], tuple(size), channels),
                (encoded, positions),
                parallel_iterations=16,
                fn_output_signature=tf.TensorSpec(self.input_shape, tf.uint8),
            )
            return images, tf.cast(labels, tf.int32)

    def all_labels(self) -> np.ndarray | None:
        """Returns the labels of all examples, integers [n], if they are known without reading the images."""
        known = getattr(self._images, "labels", None)
        return None if known is None else np.asarray(known)[self._all_rows()]

    def find_damage(self) -> str | None:
        """Returns what is wrong with the first image that cannot be decoded, with its path; None if that is unknown."""
        find = getattr(self._images, "find_damage", None)
        return None if find is None else find(self._all_rows())

    def _all_rows(self):
        return np.asarray(self._of_whole(tf.range(self.num_examples, dtype=tf.int64)))


class SerializedExamples:
    """Images in serialized `tf.train.Example`s.

    Args:
        records: with `__len__` and `__getitems__`, as a TFDS data source has them.
        image_key: the name of the image in the records.
        label_key: the name of the label in the records.
    """

    def __init__(self, records: Any, image_key: str = "image", label_key: str = "label"):
        self._records, self._image_key, self._label_key = records, image_key, label_key

    def __len__(self) -> int:
        return len(self._records)

    def read(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the encoded images, string [b], and their labels, int64 [b], in a function of `tf.data`."""

        def read(rows):
            return np.array([bytes(record) for record in self._records.__getitems__(rows.tolist())], object)

        serialized = tf.numpy_function(read, [rows], tf.string, stateful=False)
        features = {
            self._image_key: tf.io.FixedLenFeature([], tf.string),
            self._label_key: tf.io.FixedLenFeature([], tf.int64),
        }
        examples = tf.io.parse_example(tf.ensure_shape(serialized, rows.shape), features)
        return examples[self._image_key], examples[self._label_key]

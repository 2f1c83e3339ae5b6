"""Examples of which nothing is known but their shapes: to compile a step, nothing else is needed."""

import tensorflow as tf

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.data.labels import CLASSES, Labels


class BlankSource:
    """A source, as those of `tf_tricks.data`, all of whose examples are zeros.

    Args:
        inputs: `tf.TensorSpec` of one input, or a nest of them.
        labels: `tf.TensorSpec` of one label.
        num_examples: how many there are.
        num_classes: classes, or None for regression.
        num_outputs: what a model has to put out, if it is not `num_classes`.
    """

    label_names = None
    has_weights = False

    def __init__(
        self,
        inputs: Structure,
        labels: tf.TensorSpec,
        num_examples: int,
        num_classes: int | None = None,
        num_outputs: int | None = None,
    ):
        self._specs = inputs, labels
        self.num_examples = num_examples
        self.num_classes = num_classes
        self.num_outputs = num_classes if num_outputs is None else num_outputs
        self.labels = None if num_classes is None else Labels(CLASSES, num_classes, num_classes, 0, num_classes - 1)
        if isinstance(inputs, tf.TensorSpec):
            self.input_shape, self.input_dtype = tuple(inputs.shape), inputs.dtype.name

    def fetch(self, indices: Tensor, positions: Tensor | None = None) -> tuple[Structure, Tensor]:
        """Returns (inputs, labels), zeros for each of `indices`, an int64 tensor [b]."""
        return tf.nest.map_structure(lambda spec: tf.zeros([indices.shape[0], *spec.shape], spec.dtype), self._specs)

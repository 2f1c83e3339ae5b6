"""Each output of a model, and what it is compared with: the loss and the labels, as they are on real examples."""

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.src.trainers.compile_utils import get_loss

from tf_tricks.data.labels import Labels, describe
from tf_tricks.doctor.patient import Patient
from tf_tricks.training.output_structure import aligned, losses_of, names_of
from tf_tricks.training.outputs import last_activation, name_of_loss

EXAMPLES = 128


class Compared(NamedTuple):
    """An output of a model beside its labels.

    Attributes:
        name: of the output, empty where there is one only.
        loss: a `keras.losses.Loss`, or None for what has none.
        kind: the name of Keras's or this package's loss that it is, or empty.
        outputs: of the first examples, float32 [n, ..., K], in inference.
        labels: of these examples, NumPy, as the loss gets them without augmentation.
        about: a `Labels` of all training labels, or None.
        activation: `"softmax"`, `"sigmoid"` or another name of Keras's that the output comes out of; or None.
    """

    name: str
    loss: Any
    kind: str
    outputs: np.ndarray
    labels: np.ndarray
    about: Labels | None
    activation: str | None

    @property
    def size(self) -> int:
        """K, of the last axis."""
        return int(self.outputs.shape[-1]) if self.outputs.ndim > 1 else 1

    @property
    def from_logits(self) -> bool | None:
        """Whether a cross-entropy takes logits; None for a loss that does not ask."""
        if hasattr(self.loss, "from_logits"):
            return bool(self.loss.from_logits)
        arguments = getattr(self.loss, "_fn_kwargs", {})
        asks = "crossentropy" in self.kind
        return bool(arguments.get("from_logits", False)) if asks or "from_logits" in arguments else None


def compared(patient: Patient) -> list[Compared]:
    """Returns a `Compared` for each output that has labels; none where the model cannot take the examples."""
    model = patient.trainer.model
    inputs, labels, _ = patient.batch(EXAMPLES)
    if labels is None or getattr(model, "_compile_loss", None) is None:
        return []
    try:
        with keras.StatelessScope():
            outputs = model(inputs, training=False) if model._call_has_training_arg else model(inputs)
    except Exception:  # what plan_task says better
        return []
    names = names_of(model, outputs)
    arrays = aligned(outputs, labels, names)
    kinds = aligned(outputs, getattr(patient.stream.source, "labels", None), names)
    losses = _losses(model, outputs, arrays)
    found = []
    for i, (name, output, array, about) in enumerate(zip(names, keras.tree.flatten(outputs), arrays, kinds)):
        if array is None or losses[i] is None:
            continue
        array = np.asarray(array)
        about = about if isinstance(about, Labels) else describe(array)
        kind = name_of_loss(losses[i]) or ""
        output = np.asarray(keras.ops.convert_to_numpy(output), "float32")
        found.append(Compared(name, losses[i], kind, output, array, about, activation_of(model, i)))
    return found


def activation_of(model: keras.Model, index: int = 0) -> str | None:
    """Returns the name of the activation that an output of a model comes out of; None for a linear one.

    Example:
        >>> activation_of(keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "tanh")]))
        'tanh'
    """
    found = last_activation(model, index)
    if found is not None:
        return found
    tensors = keras.tree.flatten(getattr(model, "outputs", None) or [])
    layers = getattr(model, "layers", [])
    if index < len(tensors):
        operation: Any = tensors[index]._keras_history.operation
    else:
        operation = layers[-1] if layers and index == 0 else None
    while isinstance(operation, keras.Model) and operation.layers:
        operation = operation.layers[-1]
    if isinstance(operation, (keras.layers.ReLU, keras.layers.Softmax)):
        return type(operation).__name__.lower()
    name = getattr(getattr(operation, "activation", None), "__name__", None)
    return None if name == "linear" else name


def loss_on(loss: Any, labels: Any, outputs: Any) -> float:
    """Returns a loss of arrays as a number; NaN where it cannot be computed."""
    try:
        return float(np.mean(np.asarray(loss(tf.constant(labels), tf.constant(outputs)))))
    except Exception:
        return float("nan")


def _losses(model, outputs, arrays):
    """The Keras loss of each output: as built, or as it would be."""
    if model._compile_loss._flat_losses:
        return [_inner(loss) for loss in losses_of(model, outputs)]
    flat = keras.tree.flatten(outputs)
    identifiers = tf.nest.flatten(model._compile_loss._user_loss)
    if len(flat) != len(identifiers):
        return [None] * len(flat)
    return [_built(one, array, output) for one, array, output in zip(identifiers, arrays, flat)]


def _inner(loss):
    return getattr(loss, "_loss", None) or loss


def _built(shared, labels, output):
    identifier = getattr(shared, "identifier", shared)
    try:
        return get_loss(identifier, tf.constant(labels), output)
    except Exception:
        return None

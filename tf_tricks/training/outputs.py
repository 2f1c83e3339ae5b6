"""What the outputs of a model mean: classes or numbers, logits or probabilities, as losses and labels say."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import scipy.special
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.data.labels import BINARY, CLASSES, DISTRIBUTIONS, MULTI_HOT, ONE_HOT, Labels
from tf_tricks.errors import RequestError, RunError
from tf_tricks.training.output_structure import aligned, losses_of, names_of

ONE_CLASS = "one of several classes"
TWO_CLASSES = "one of two classes"
SEVERAL_CLASSES = "several classes at once"
NUMBERS = "numbers"

LOGITS = "logits"
PROBABILITIES = "probabilities"
SCORES = "scores"

_CATEGORICAL = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
    "kl_divergence",
    "categorical_hinge",
)
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy", "hinge", "squared_hinge", "dice", "tversky")
_HINGES = ("categorical_hinge", "hinge", "squared_hinge")
_TASKS = {
    CLASSES: ONE_CLASS,
    ONE_HOT: ONE_CLASS,
    DISTRIBUTIONS: ONE_CLASS,
    MULTI_HOT: SEVERAL_CLASSES,
    BINARY: TWO_CLASSES,
}
_MOVE_ONLY = (keras.layers.Reshape, keras.layers.Permute, keras.layers.Flatten, keras.layers.Identity)
_ROUNDING = 1e-3


class Output(NamedTuple):
    """What one output of a model means.

    Attributes:
        name: the output's, empty where it is the only one.
        task: `ONE_CLASS` (a number for each class on the last axis), `TWO_CLASSES` (a single number),
            `SEVERAL_CLASSES` (a number for each, and several may be right) or `NUMBERS`.
        gives: `LOGITS`, `PROBABILITIES`, `SCORES` (of a hinge loss, which are neither) or `NUMBERS`.
        classes: their names, all different; None for numbers.
        shape: of one example without the last axis: empty, or that of tokens or pixels; None where it may change.
        size: of the last axis.
        ignore_class: a label whose examples do not count, or None.
        assumed: a sentence where nothing said it for sure, else empty.
    """

    name: str
    task: str
    gives: str
    classes: list[str] | None
    shape: list[int | None]
    size: int
    ignore_class: int | None = None
    assumed: str = ""


def outputs_of(model: keras.Model, source: Any) -> list[Output]:
    """Returns an `Output` for each output of a model.

    Args:
        model: compiled by `compile_model`, its losses built, as `check_examples` does.
        source: of examples for it.
    """
    outputs = outputs_of_one(model, source)
    names = names_of(model, outputs)
    labels = aligned(outputs, getattr(source, "labels", None), names)
    class_names = getattr(source, "label_names", None) if len(names) == 1 else None
    shapes = [value.shape for value in keras.tree.flatten(outputs)]
    return [
        describe(name, shape, loss, label, last_activation(model, i), class_names)
        for i, (name, shape, loss, label) in enumerate(zip(names, shapes, losses_of(model, outputs), labels))
    ]


def outputs_of_one(model: keras.Model, source: Any) -> Structure:
    """Returns what a model gives for the first example of a source, in the structure of its outputs."""
    index = tf.zeros([1], tf.int64)
    with keras.StatelessScope():
        return model(source.fetch(index, index)[0])


def describe(
    name: str,
    shape: Sequence[int | None],
    loss: Any = None,
    labels: Labels | None = None,
    activation: str | None = None,
    class_names: Sequence[str] | None = None,
) -> Output:
    """Returns the `Output` of one output.

    Args:
        name: its name.
        shape: its shape [b, ...].
        loss: a `keras.losses.Loss`, or None where that is not known.
        labels: what is known of its labels, or None.
        activation: `"softmax"` or `"sigmoid"` if it comes out of one, else None.
        class_names: names of the classes, or None for their numbers.

    Raises:
        RequestError: the loss looks for the classes on another axis than the last.

    Example:
        >>> describe("", (None, 3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)).gives
        'logits'
    """
    size = int(shape[-1]) if len(shape) > 1 and shape[-1] is not None else 1
    kind, arguments = name_of_loss(loss), getattr(loss, "_fn_kwargs", {})
    if kind in _CATEGORICAL and arguments.get("axis", -1) not in (-1, len(shape) - 1):
        raise RequestError(f"the loss {kind!r} has the classes on axis {arguments['axis']}; only the last is possible")
    task, assumed = _task(kind, loss, labels, size, activation)
    gives, assumed_too = (NUMBERS, "") if task == NUMBERS else _gives(kind, loss, activation)
    if task == ONE_CLASS and activation == "sigmoid":
        assumed_too = "it ends in sigmoids and its loss is of one class, they are divided by their sum"
    where = f"of the output {name!r} " if name else ""
    return Output(
        name,
        task,
        gives,
        _class_names(task, labels, size, class_names),
        [None if length is None else int(length) for length in shape[1:-1]],
        size,
        getattr(loss, "ignore_class", None) or arguments.get("ignore_class"),
        "; ".join(where + text for text in (assumed, assumed_too) if text),
    )


def _task(kind, loss, labels, size, activation):
    """The task of an output, and what had to be assumed."""
    if kind in _CATEGORICAL:
        return ONE_CLASS, ""
    if kind in _BINARY:
        several = ONE_CLASS if activation == "softmax" else SEVERAL_CLASSES
        return (several if size > 1 else TWO_CLASSES), ""
    if kind is not None:
        return NUMBERS, ""
    if labels is not None:
        task = _TASKS.get(labels.kind, NUMBERS)
        fits = size == 1 if task == TWO_CLASSES else labels.num_outputs == size
        return (task if fits else NUMBERS), ""
    if activation is not None and size > 1:
        return (ONE_CLASS if activation == "softmax" else SEVERAL_CLASSES), ""
    return NUMBERS, "no loss of Keras and no labels say what it is, it is taken for numbers"


def _gives(kind, loss, activation):
    """What the numbers of classes are, and what had to be assumed."""
    if kind in _HINGES:
        return SCORES, ""
    if activation is not None:  # Keras's cross-entropies look behind it, whatever from_logits says
        return PROBABILITIES, ""
    from_logits = getattr(loss, "from_logits", getattr(loss, "_fn_kwargs", {}).get("from_logits"))
    if from_logits is None and kind is not None:
        return PROBABILITIES, ""  # those of Keras that take nothing else, such as kl_divergence
    if from_logits is not None:
        return (LOGITS if from_logits else PROBABILITIES), ""
    return LOGITS, "the loss says no from_logits and the model ends in no softmax or sigmoid, logits are assumed"


def last_activation(model: keras.Model, index: int = 0) -> str | None:
    """Returns `"softmax"` or `"sigmoid"` if an output of a model comes out of one, else None.

    Args:
        model: a built model.
        index: of the output, in the order of `keras.tree.flatten`.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Softmax()])
        >>> last_activation(model)
        'softmax'
    """
    tensors = keras.tree.flatten(getattr(model, "outputs", None) or [])
    if index < len(tensors):
        return _activation_before(tensors[index])
    layers = getattr(model, "layers", [])
    return _activation_of(layers[-1]) if layers and index == 0 else None


def _activation_before(tensor):
    history = tensor._keras_history
    if isinstance(history.operation, _MOVE_ONLY):
        return _activation_before(history.operation._inbound_nodes[history.node_index].input_tensors[0])
    if isinstance(history.operation, keras.Model):
        return last_activation(history.operation, history.tensor_index)
    return _activation_of(history.operation)


def _activation_of(operation):
    for name in ("softmax", "sigmoid"):
        if getattr(operation, "activation", None) is getattr(keras.activations, name):
            return name
        if type(operation).__name__ == name.capitalize():  # the layer, or Keras's function in a functional model
            return name
    return None


def probabilities(output: Output, values: np.ndarray) -> np.ndarray:
    """Returns the probabilities, float64, of what an output gives; scores and numbers stay as they are.

    Args:
        output: what the numbers mean.
        values: NumPy array [b, ..., size], or [b] of single numbers.

    Raises:
        RunError: they are taken for probabilities and cannot be any.
    """
    values = np.asarray(values, "float64")
    if output.gives == LOGITS:
        return scipy.special.softmax(values, axis=-1) if output.task == ONE_CLASS else scipy.special.expit(values)
    if output.gives != PROBABILITIES:
        return values
    finite = values[np.isfinite(values)]
    if finite.size and (finite.min() < -_ROUNDING or finite.max() > 1 + _ROUNDING):
        of = f" of the output {output.name!r}" if output.name else ""
        raise RunError(
            f"the numbers{of} are probabilities by the model's last layer or its loss, and go from {finite.min():.3g} "
            f"to {finite.max():.3g}: give the loss from_logits=True if they are logits"
        )
    if output.task == ONE_CLASS:
        sums = values.sum(axis=-1, keepdims=True)
        if not np.allclose(sums, 1, atol=_ROUNDING):  # of sigmoids: Keras's cross-entropy divides by them, too
            return values / np.maximum(sums, np.finfo("float32").tiny)
    return values


def _class_names(task, labels, size, names):
    if task == NUMBERS:
        return None
    number = 2 if task == TWO_CLASSES else size
    if names is None or len(names) != number:
        from_minus_one = task == TWO_CLASSES and getattr(labels, "minimum", 0) == -1
        return ["-1", "1"] if from_minus_one else [str(i) for i in range(number)]
    names = [str(name) for name in names]
    return [name if names.count(name) == 1 else f"{name} ({i})" for i, name in enumerate(names)]


def name_of_loss(loss: Any) -> str | None:
    """Returns the name of Keras's or this package's function or class that a loss is; None for somebody's own.

    Example:
        >>> name_of_loss(keras.losses.BinaryCrossentropy()), name_of_loss(lambda labels, outputs: outputs)
        ('binary_crossentropy', None)
    """
    function = getattr(loss, "fn", None)
    part = type(loss) if function is None else function
    if loss is None or not part.__module__.startswith(("keras.", "tf_tricks.")):
        return None
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in part.__name__).lstrip("_")

"""Metrics that an evaluation asks for by name: they see probabilities and labels in the form that they take."""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks import users_code
from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, unknown
from tf_tricks.training.compiled import get_metric
from tf_tricks.training.metrics import Accuracy
from tf_tricks.training.outputs import NUMBERS, ONE_CLASS, PROBABILITIES, SCORES, Output

_OF_INTEGERS = (
    Accuracy,
    keras.metrics.Accuracy,
    keras.metrics.SparseCategoricalAccuracy,
    keras.metrics.SparseCategoricalCrossentropy,
    keras.metrics.SparseTopKCategoricalAccuracy,
)
_MODULES_OF_CLASSES = ("accuracy_metrics", "confusion_metrics", "f_score_metrics", "iou_metrics")
_OF_SCORES = (keras.metrics.Hinge, keras.metrics.SquaredHinge, keras.metrics.CategoricalHinge)


def read(text: str) -> list[Any] | dict[str, Any]:
    """Returns the metrics that a command line names.

    Args:
        text: names or dict literals with commas between; or a dict literal of such by the outputs' names. A name may be
            `file:Name`, of a metric of one's own.

    Raises:
        RequestError: a literal cannot be read.

    Example:
        >>> read("accuracy, {'name': 'top_k_categorical_accuracy', 'k': 3}")
        ['accuracy', {'name': 'top_k_categorical_accuracy', 'k': 3}]
    """
    if text.lstrip().startswith(("[", "(")):
        return list(_literal(text.strip()))
    pieces = [piece.strip() for piece in re.findall(r"\{.*?\}(?=\s*,|\s*$)|[^,\s][^,]*", text)]
    found = [_literal(piece) if piece.startswith("{") else piece.strip("'\"") for piece in pieces]
    if not found:
        raise RequestError(f"no metric is named by {text!r}: say, for example, accuracy,f1_score")
    by_output = len(found) == 1 and isinstance(found[0], dict) and not isinstance(found[0].get("name"), str)
    return found[0] if by_output else found


def for_outputs(named: list[Any] | Mapping[str, Any], outputs: Sequence[Output]) -> Any:
    """Returns the metrics as `compile` takes them, each as it is to see its output.

    Args:
        named: from `read`.
        outputs: of the model.

    Raises:
        RequestError: there is no such metric or output, or an argument contradicts that metrics see probabilities.
    """
    names = [output.name for output in outputs]
    if isinstance(named, Mapping):
        for name in named:
            if name not in names:
                raise unknown("output", name, names)
    of_each = [named.get(name, []) if isinstance(named, Mapping) else named for name in names]
    listed = [one if isinstance(one, (list, tuple)) else [one] for one in of_each]
    made = [[_seeing(one, output) for one in many] for many, output in zip(listed, outputs)]
    if len(outputs) == 1:
        return made[0]
    return made if all(name.isdigit() for name in names) else dict(zip(names, made))


def _seeing(identifier, output):
    """The metric, in the form in which it can be compared with the output."""
    if output.task == NUMBERS:
        return _of_numbers(identifier, get_metric(identifier), output)
    name = identifier if isinstance(identifier, str) else None
    if name in ("crossentropy", "ce"):  # of which Keras chooses one by the shapes
        identifier = "categorical_crossentropy" if output.task == ONE_CLASS else "binary_crossentropy"
    if hasattr(identifier, "items") and not users_code.is_name(identifier["name"]):
        _check_arguments(identifier)
    metric = get_metric(identifier)
    metric = keras.metrics.get(metric) if isinstance(metric, str) else metric
    if not isinstance(metric, keras.metrics.Metric):  # a function, of which `compile` makes a metric
        metric = keras.metrics.MeanMetricWrapper(metric, name=name or metric.__name__)
    own = metric._fn if type(metric) is keras.metrics.MeanMetricWrapper else type(metric)
    if not own.__module__.startswith(("keras.", "tf_tricks.")):
        return metric  # sees what it would in training
    if output.task != ONE_CLASS and getattr(metric, "threshold", 0) is None:
        metric.threshold = 0.5  # Keras's F1 would take the largest number only
    return OnProbabilities(metric, output, name)


def _of_numbers(identifier, metric, output):
    """The metric as it is, unless it is one of classes, which Keras would compute of any numbers."""
    made = keras.metrics.get(metric) if isinstance(metric, str) else metric
    if isinstance(made, Accuracy) or type(made).__module__.split(".")[-1] in _MODULES_OF_CLASSES:
        of = f"the output {output.name!r} is" if output.name else "the outputs are"
        raise RequestError(
            f"the metric {identifier!r} is of classes, and {of} numbers: say, for example, mae or r2_score"
        )
    return metric


def _check_arguments(arguments):
    if arguments.get("from_logits"):
        raise RequestError(f"the metrics of an evaluation see probabilities: leave from_logits out of {arguments!r}")
    for key in ("threshold", "thresholds"):
        given = arguments.get(key)
        for value in [] if given is None else given if isinstance(given, (list, tuple)) else [given]:
            if not 0 < value < 1:
                raise RequestError(
                    f"the metrics of an evaluation see probabilities: {key} must lie between 0 and 1, not {value!r}"
                )


class OnProbabilities(keras.metrics.Metric):
    """A metric of Keras's that sees the probabilities of an output, and one-hot labels where it cannot take integers.

    In place of the scores of a hinge loss it sees numbers from 0 to 1 in the same order, 1/2 for a score of 0; the
    metrics that are hinge losses themselves see the scores.

    Args:
        metric: a `keras.metrics.Metric`.
        output: what it looks at.
        name: None for the metric's own.
    """

    def __init__(self, metric: keras.metrics.Metric, output: Output, name: str | None = None):
        super().__init__(name=name or metric.name)
        self.metric = metric
        self.output = output

    def update_state(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Any:
        """Adds a batch; arguments as of every Keras metric."""
        return self.metric.update_state(self._labels(y_true, y_pred), self._probabilities(y_pred), sample_weight)

    def result(self) -> Any:
        """Returns what the metric has."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Starts anew."""
        self.metric.reset_state()

    def _probabilities(self, outputs):
        if self.output.gives == PROBABILITIES or isinstance(self.metric, _OF_SCORES):
            return outputs
        return ops.softmax(outputs, axis=-1) if self.output.task == ONE_CLASS else ops.sigmoid(outputs)

    def _labels(self, labels, outputs):
        labels = ops.convert_to_tensor(labels)
        if self.output.task != ONE_CLASS:
            if self.output.gives == SCORES and not isinstance(self.metric, _OF_SCORES):
                labels = ops.maximum(labels, 0)  # -1 and 1
            same = len(labels.shape) == len(outputs.shape)
            return labels if same else ops.reshape(labels, ops.shape(outputs))
        distributions = len(labels.shape) == len(outputs.shape) and labels.shape[-1] == self.output.size
        if isinstance(self.metric, _OF_INTEGERS) or getattr(self.metric, "sparse_y_true", False):
            sparse = distributions and not isinstance(self.metric, Accuracy)
            return ops.argmax(labels, axis=-1) if sparse else labels
        if distributions:
            return labels
        classes = ops.reshape(ops.cast(labels, "int32"), ops.shape(outputs)[:-1])
        return ops.one_hot(classes, self.output.size, dtype=outputs.dtype)


def _literal(text):
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError) as error:
        raise RequestError(
            f"{text!r} cannot be read: say a metric as {{'name': 'f1_score', 'average': 'macro'}}"
        ) from error

"""What a trainer is asked to learn, as real examples show it, and what of it cannot be meant."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data import Source, structure
from tf_tricks.data.labels import CLASSES, INTEGERS, Labels
from tf_tricks.data.stream import as_numpy
from tf_tricks.engines.objective import compute, stateless
from tf_tricks.engines.places import words
from tf_tricks.engines.results import results
from tf_tricks.engines.tensorflow.device_errors import reading
from tf_tricks.errors import Misfit, NoClass, RequestError, reason_of, unknown

_TF_ERRORS = (TypeError, ValueError, KeyError, AttributeError, IndexError, NotImplementedError, tf.errors.OpError)
_OF_PROBABILITIES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy")


def check_task(trainer: Any, stream: Any, validation: Source | None = None, test: Source | None = None) -> str:
    """Builds the losses and metrics of a trainer's model on real examples.

    Args:
        trainer: `Trainer`; neither weights nor states of metrics change.
        stream: `tt.data.Stream`.
        validation: a source, or None.
        test: a source, or None.

    Returns:
        A line that says what is learned and how it is measured.

    Raises:
        RequestError: model, data, loss and metrics do not fit each other, or cannot be meant so.
    """
    source, model, data = stream.source, trainer.model, (stream.source, stream.augment, validation, test)
    if trainer.prepared.has_checked(*data):
        return trainer.prepared.description
    if not model.trainable_variables:
        raise RequestError(f"the model {model.name!r} has no trainable weights: nothing would be trained")
    number = _number_for(model)
    indices = tf.range(number, dtype=tf.int64) % source.num_examples
    with reading("the training data", source):
        plain = _for_the_model(source.fetch(indices, indices))
    if stream.augment is not None and tf.nest.is_nested(plain[0]):
        raise RequestError("augmentations take one array of inputs, and the data have a structure of several")
    if stream.augment is not None and len(plain) == 3 and getattr(stream.augment, "mixes", False):
        raise RequestError("an augmentation that mixes examples cannot be used with weights of examples")
    labels = getattr(source, "labels", None)
    classes = getattr(stream.augment, "num_classes", None)
    if classes is not None and isinstance(labels, Labels) and labels.kind == CLASSES and labels.maximum >= classes:
        raise NoClass(
            f"the augmentation has num_classes={classes}, and the labels of the training data go up to {labels.maximum}"
        )
    examples = _augmented(stream, plain, indices)
    with trainer.strategy.scope():
        outputs = _tried(model, examples, "the training data", labels)
        _check_labels(model, labels, outputs)
    for source, what in ((validation, "the validation data"), (test, "the test data")):
        if source is not None:
            check_examples(trainer, source, what)
    _check_reductions(model)
    trainer.prepared.checked, trainer.prepared.description = data, _line(model, examples, labels)
    return trainer.prepared.description


def _augmented(stream, examples, positions):
    try:
        return stream.augmented(examples, positions)
    except RequestError:
        raise
    except Exception as error:
        raise RequestError(
            f"the augmentation cannot take the training data, {structure.described(examples[0])}: {reason_of(error)}"
        ) from error


def check_examples(trainer: Any, source: Source, what: str) -> None:
    """Raises a `RequestError` if a trainer's model cannot be evaluated on a source, which the sentence calls `what`."""
    indices = tf.range(_number_for(trainer.model), dtype=tf.int64) % source.num_examples
    with reading(what, source):
        examples = _for_the_model(source.fetch(indices, indices))
    labels = getattr(source, "labels", None)
    with trainer.strategy.scope():
        outputs = _tried(trainer.model, examples, what, labels)
        _check_labels(trainer.model, labels, outputs)


def _for_the_model(examples):
    return examples if keras.config.backend() == "tensorflow" else as_numpy(examples)


def _number_for(model):
    """How many examples to try: even, for what mixes pairs, and another number than that of the outputs."""
    shapes = [shape for shape in tf.nest.flatten(getattr(model, "output_shape", None) or ()) if shape == 2]
    return 4 if shapes else 2


def _tried(model, examples, what, kind):
    """Returns the outputs for these examples, after loss and metrics were computed of them; `kind` is of the labels."""
    inputs, labels, weights = keras.utils.unpack_x_y_sample_weight(examples)
    try:
        with keras.StatelessScope():
            outputs = model(inputs)
    except _TF_ERRORS as error:
        raise RequestError(
            f"the model {model.name!r} cannot take the inputs of {what}, {structure.described(inputs)}: "
            f"{reason_of(error)}"
        ) from error
    _check_structure(model, labels, outputs, what)
    _check_range(model, kind, outputs, what)
    part = "loss"
    try:
        with stateless(model, [], words(0)):
            _, compared = compute(model, inputs, labels, weights, training=False)
            part = "metrics"
            model.compute_metrics(inputs, labels, compared, sample_weight=weights)
    except _TF_ERRORS as error:
        raise (Misfit if part == "loss" else RequestError)(
            f"the {part} cannot compare the labels of {what}, {structure.described(labels)}, with the outputs "
            f"{structure.described(outputs)} of the model: {reason_of(error)}"
        ) from error
    finally:
        model._clear_losses()
    return outputs


def check_monitored(model: keras.Model, callbacks: Iterable[keras.callbacks.Callback], with_validation: bool) -> None:
    """Raises a `RequestError` if a callback watches a value that the run will not have.

    Args:
        model: a compiled model, its losses and metrics built.
        callbacks: Keras callbacks.
        with_validation: whether there are results of a validation.
    """
    names = list(results(model))
    names += [f"val_{name}" for name in names] if with_validation else []
    for callback in callbacks:
        monitored = getattr(callback, "monitor", None)
        if isinstance(monitored, str) and monitored not in names and type(callback).__module__.startswith("keras."):
            raise unknown(f"value for {type(callback).__name__} to monitor called", monitored, names)


def _losses(model):
    return [] if model._compile_loss is None else [item.loss._loss for item in model._compile_loss._flat_losses]


def _check_reductions(model):
    for loss in _losses(model):
        if loss.reduction in (None, "none"):
            raise RequestError(f"the loss {loss.name!r} has reduction=None: it gives no single number to minimize")


def _check_structure(model, labels, outputs, what):
    flat = tf.nest.flatten(outputs)
    if not flat or any(output is None for output in flat):
        raise RequestError(f"the model {model.name!r} returns {outputs!r} where outputs are expected")
    if isinstance(outputs, dict) and isinstance(labels, dict):
        for name in labels:
            if name not in outputs:
                raise unknown(f"output of the model {model.name!r} called", name, outputs)
    own_loss = type(model).compute_loss is not keras.Model.compute_loss
    if len(flat) > 1 and not tf.nest.is_nested(labels) and not own_loss and model._compile_loss is not None:
        raise RequestError(
            f"the model has the outputs {structure.described(outputs)}, and the labels of {what} are one array: "
            "give labels for each, in the same structure"
        )


def _check_range(model, labels, outputs, what):
    """Before the loss of such labels is computed: on a CPU that raises, on a GPU it gives NaN."""
    identifiers = [] if model._compile_loss is None else tf.nest.flatten(model._compile_loss._user_loss)
    if len(identifiers) != 1 or not isinstance(labels, Labels) or tf.nest.is_nested(outputs):
        return
    loss, last = identifiers[0].identifier, outputs.shape[-1]
    name = loss if isinstance(loss, str) else getattr(loss, "name", "")
    sparse = name == "sparse_categorical_crossentropy" and getattr(loss, "ignore_class", None) is None
    if sparse and labels.kind == CLASSES and labels.maximum >= last:
        remedy = "it needs one for each class"
        if last == 1 and labels.maximum == 1:
            remedy += ", or, for two classes, the loss 'binary_crossentropy'"
        number = "1 output" if last == 1 else f"{last} outputs"
        raise NoClass(f"the labels of {what} go up to {int(labels.maximum)}, but the model has {number}: {remedy}")


def _check_labels(model, labels, outputs):
    """What Keras would take, and what cannot be meant: outputs and labels of a single array each."""
    losses = _losses(model)
    if not isinstance(labels, Labels) or tf.nest.is_nested(outputs) or len(losses) != 1:
        return
    (loss,), last = losses, outputs.shape[-1]
    name = getattr(loss, "name", "")
    sparse = name == "sparse_categorical_crossentropy"
    if sparse and last == 1:
        raise Misfit(
            "the labels are of a single class, 0, and the model has 1 output, whose cross-entropy is always 0: give it "
            "labels of several classes, or the loss 'binary_crossentropy'"
        )
    if sparse and labels.kind not in (CLASSES, "one-hot", "distributions") and labels.num_outputs == 1:
        if not labels.integers or (labels.minimum < 0 and labels.minimum != getattr(loss, "ignore_class", None)):
            raise Misfit(
                f"cross-entropy needs classes, integers from 0, and the labels are numbers from {labels.minimum:g} to "
                f"{labels.maximum:g}: give a loss for values, such as 'mean_squared_error'"
            )
    if name in ("mean_squared_error", "mean_absolute_error", "huber_loss", "log_cosh", "mse", "mae"):
        if len(outputs.shape) == 2 and labels.num_outputs == 1 and last not in (1, None):
            raise Misfit(
                f"the model has {last} outputs and the labels are one number each: the loss {name!r} would compare "
                "each output with the same number"
            )
        if len(outputs.shape) == 2 and last == 1 and labels.num_outputs > 1:
            raise Misfit(
                f"the model has 1 output and the labels are {labels.num_outputs} numbers each: the loss {name!r} would "
                "compare each of them with the same output"
            )
    values = np.asarray(outputs, "float32")
    if name in _OF_PROBABILITIES and _from_logits(loss) is False and (values.min() < 0 or values.max() > 1):
        raise Misfit(
            f"the loss {name!r} takes probabilities, and the model gives numbers from {values.min():.3g} to "
            f"{values.max():.3g}: say from_logits=True, or end the model with softmax or sigmoid"
        )


def _from_logits(loss):
    """Whether a cross-entropy takes logits; None where it does not say."""
    if hasattr(loss, "from_logits"):
        return loss.from_logits
    return loss._fn_kwargs.get("from_logits", False) if hasattr(loss, "_fn_kwargs") else None


def _line(model, examples, labels):
    """Returns what the task was taken for, in a line."""
    targets = keras.utils.unpack_x_y_sample_weight(examples)[1]
    losses = ", ".join(loss.name.replace("_", " ") for loss in _losses(model)) or "the model's own loss"
    metrics = (
        [] if model._compile_metrics is None else [m.name.replace("_", " ") for m in model._compile_metrics.metrics]
    )
    if not isinstance(labels, Labels):
        unknown_kind = "several kinds of labels" if labels is not None else "labels"
        what = "no labels" if targets is None else unknown_kind
    elif labels.num_classes is not None:
        kind = "" if labels.kind == CLASSES else f", {labels.kind} labels"
        what = f"classification of {labels.num_classes} classes{kind}"
        what += f", none of which is below {int(labels.minimum)}" if labels.kind == CLASSES and labels.minimum else ""
    elif labels.kind == INTEGERS and "sparse_categorical_crossentropy" in [loss.name for loss in _losses(model)]:
        what = f"classification of {labels.num_outputs} places each, classes {labels.minimum:g} to {labels.maximum:g}"
    elif labels.kind == "binary":
        what = "binary classification"
    else:
        what = f"regression of {labels.num_outputs} number{'s' if labels.num_outputs > 1 else ''}"
    return f"{what}: {', '.join([losses, *metrics])}"

"""Whether the loss takes the outputs and the labels for what they are."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data.labels import BINARY, CLASSES, MULTI_HOT, ONE_HOT
from tf_tricks.doctor.compared import EXAMPLES, Compared, compared, loss_on
from tf_tricks.doctor.finding import Checked, Finding
from tf_tricks.doctor.patient import Patient
from tf_tricks.engines.objective import compute, stateless
from tf_tricks.errors import Misfit

_CATEGORICAL = ("sparse_categorical_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy")
_BINARY = ("binary_crossentropy", "binary_focal_crossentropy")
_OF_VALUES = ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh", "mean_squared_logarithmic_error")
_BOUNDS = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf)}
_BOUNDS |= {"softplus": (0.0, np.inf), "hard_sigmoid": (0.0, 1.0), "relu6": (0.0, 6.0)}
_LARGE_TARGETS = 100.0


@dataclasses.dataclass(frozen=True)
class InitialLoss:
    """The loss of the first examples before training.

    Attributes:
        loss: as measured.
        expected: ln K, of a model that does not know anything; NaN where there are no classes.
    """

    loss: float
    expected: float


def check(patient: Patient, progress: Callable[[str], None]) -> Checked:
    """Compares the loss with outputs and labels of the first examples.

    Args:
        patient: `Patient`.
        progress: function of a line.
    """
    progress("comparing the loss with the outputs and the labels")
    outputs = compared(patient)
    actual = _actual(patient) if len(outputs) == 1 else float("nan")
    findings = [finding for one in outputs for finding in _of_output(one, actual)]
    if not findings:
        findings = _that_breaks(patient)
    return Checked(findings[:1] if len(outputs) == 1 else findings, _initial(outputs))


def _actual(patient):
    """The loss as the train step computes it, NaN where it cannot: Keras may look behind a softmax."""
    model = patient.trainer.model
    inputs, labels, weights = patient.batch(EXAMPLES)
    try:
        with stateless(model, [], tf.constant(0, tf.int64)):
            outputs = model(inputs, training=False) if model._call_has_training_arg else model(inputs)
            return float(model._compile_loss(labels, outputs, sample_weight=weights))
    except Exception:  # plan_task says why
        return float("nan")
    finally:
        model._clear_losses()


def _of_output(one: Compared, actual: float) -> list[Finding]:
    if one.kind in _CATEGORICAL:
        return _categorical(one, actual)
    if one.kind in _BINARY:
        return _binary(one, actual)
    if one.kind in _OF_VALUES:
        return _of_values(one)
    return []


def _categorical(one, actual):
    rows = one.outputs.reshape(-1, one.size)
    in_range = bool((rows >= 0).all() and (rows <= 1).all())
    sums_to_one = in_range and np.allclose(rows.sum(axis=1), 1, atol=1e-3)
    found = []
    if one.size == 1:
        what = "the softmax of 1 output is 1 whatever the input" if one.activation == "softmax" else "there is 1 output"
        found.append(_finding(one, f"{what}, and the loss {one.kind} needs one for each class", _TWO_CLASSES, 0.98))
    elif one.about is not None and one.about.kind == MULTI_HOT and one.kind != _CATEGORICAL[0]:
        sums = one.labels.reshape(len(one.labels), -1).sum(axis=1)
        what = f"the labels have {sums.min():g} to {sums.max():g} ones each, and the loss {one.kind} is of one class"
        found.append(_finding(one, what, "config.loss = 'binary_crossentropy', and sigmoids or logits", 0.85))
    elif one.kind == _CATEGORICAL[0] and one.about is not None and not _are_classes(one):
        what = f"the loss {one.kind} needs classes, integers from 0, and the labels are {one.about.kind}, "
        what += f"{one.about.minimum:g} to {one.about.maximum:g}"
        found.append(_finding(one, what, "for values config.loss = 'mean_squared_error'", 0.95))
    elif one.kind == _CATEGORICAL[1] and one.labels.shape != one.outputs.shape and one.about.kind == CLASSES:
        what = f"the loss {one.kind} needs one-hot rows {list(one.outputs.shape[1:])}, and the labels are integers"
        found.append(_finding(one, what, "config.loss = 'sparse_categorical_crossentropy'", 0.97))
    elif one.from_logits and (sums_to_one or one.activation in ("softmax", "sigmoid")):
        found.append(_probabilities_as_logits(one, actual))
    elif one.from_logits is False and one.activation != "softmax" and not sums_to_one:
        found.append(_logits_as_probabilities(one, rows, in_range))
    elif one.activation in ("relu", "relu6", "softplus", "tanh"):
        what = f"the logits come out of {one.activation}, from {rows.min():.3g} to {rows.max():.3g}"
        what += f", {(rows == 0).mean():.0%} of them 0" if one.activation.startswith("relu") else ""
        found.append(_finding(one, what, "give the last layer no activation", 0.8))
    return found


def _are_classes(one):
    return one.about.integers and (one.about.kind != ONE_HOT or one.labels.shape != one.outputs.shape)


def _binary(one, actual):
    rows = one.outputs.reshape(-1, one.size)
    in_range = bool((rows >= 0).all() and (rows <= 1).all())
    if one.activation == "softmax" and one.size == 1:
        return [_finding(one, "the softmax of 1 output is 1 whatever the input", "end the model in a sigmoid", 0.98)]
    if one.labels.size != one.outputs.size:
        what = f"the loss {one.kind} compares each of {one.size} outputs with a label of its own, and the labels are "
        what += f"{one.about.kind if one.about else 'others'} {list(one.labels.shape[1:])}"
        return [_finding(one, what, "config.loss = 'sparse_categorical_crossentropy'", 0.95)]
    if one.from_logits and one.activation in ("softmax", "sigmoid"):
        return [_probabilities_as_logits(one, actual)]
    if not one.from_logits and one.activation not in ("softmax", "sigmoid", "hard_sigmoid") and not in_range:
        return [_logits_as_probabilities(one, rows, in_range)]
    if one.size > 1 and one.about is not None and one.about.kind == ONE_HOT and one.activation == "softmax":
        what = f"the outputs come out of a softmax, of one class of {one.size}, and {one.kind} takes each for itself"
        return [_finding(one, what, "config.loss = 'categorical_crossentropy'", 0.5)]
    return []


def _of_values(one):
    about = one.about
    if about is None:
        return []
    if about.kind == CLASSES and one.size == about.num_classes and one.size > 2 and one.labels.size != one.outputs.size:
        what = f"the loss {one.kind} compares each of {one.size} outputs with the number of the class"
        return [_finding(one, what, "config.loss = 'sparse_categorical_crossentropy'", 0.95)]
    if one.labels.size != one.outputs.size:
        what = f"the loss {one.kind} compares outputs {list(one.outputs.shape[1:])} with labels "
        what += f"{list(one.labels.shape[1:])}, which are repeated until they fit"
        return [_finding(one, what, "give the model an output for each number of a label", 0.9)]
    low, high = _BOUNDS.get(one.activation or "", (-np.inf, np.inf))
    outside = float(np.mean((one.labels < low - 1e-6) | (one.labels > high + 1e-6)))
    if outside > 0.01 or about.maximum > 2 * high or about.minimum < 2 * min(low, 0.0) - 1:
        what = f"the outputs come out of {one.activation}, from {low:g} to {high:g}, and the labels go from "
        what += f"{about.minimum:g} to {about.maximum:g}; {outside:.0%} of those looked at cannot be reached"
        return [_finding(one, what, "give the last layer no activation, or scale the labels", 0.92)]
    size = float(np.sqrt(np.mean(np.square(one.labels, dtype="float64"))))
    if size > _LARGE_TARGETS and about.kind not in (CLASSES, BINARY):
        return [
            Finding(
                "targets_not_normalised",
                f"the targets have a root mean square of {size:.3g}, from {about.minimum:g} to {about.maximum:g}; the "
                f"outputs begin with {np.sqrt(np.mean(np.square(one.outputs))):.3g}",
                "The gradient of a squared error grows with the targets: the first updates are large, and the outputs "
                "have a long way to go (Bishop 1995, Neural Networks for Pattern Recognition, section 8.2).",
                "learn (y − mean) / deviation, and undo it after predicting",
                0.55,
            )
        ]
    return []


_TWO_CLASSES = "for two classes give 1 output and config.loss = 'binary_crossentropy', or 2 outputs"


def _probabilities_as_logits(one, actual):
    as_probabilities = loss_on(_with(one, False), one.labels, one.outputs)
    as_logits = loss_on(one.loss, one.labels, one.outputs)
    others = (max(one.size, 2) - 1) if one.kind in _CATEGORICAL else 1
    least = np.log(1 + others * np.exp(-1.0))
    from_where = f"come out of a {one.activation}" if one.activation else "are from 0 to 1 and sum to 1"
    what = f"the outputs {from_where}, and the loss is told that they are logits (from_logits=True)"
    if np.isfinite(as_logits) and np.isfinite(as_probabilities):
        what += f": as logits their loss is {as_logits:.4g}, as probabilities {as_probabilities:.4g}"
    looked_behind = abs(actual - as_probabilities) < 0.1 * abs(as_logits - as_probabilities)
    why = f"Of two activations in a row the loss cannot get below {least:.3g}, even where all are right, and its "
    why += "gradient is small, so that learning is slow and stops early."
    if looked_behind:
        why += " Here Keras looks behind the activation while it trains, which a layer in between would end."
    change = "leave the last activation out, or say from_logits=False (config.loss = {'name': …, 'from_logits': False})"
    return _finding(one, what, change, 0.65 if looked_behind else 0.93, why)


def _logits_as_probabilities(one, rows, in_range):
    if in_range:
        sums = rows.sum(axis=1)
        what = f"the outputs are from 0 to 1, and those of an example sum to {sums.min():.3g} to {sums.max():.3g}"
        change = "end the model in a softmax; sigmoids are for several classes at once ('binary_crossentropy')"
        why = "Probabilities of one class of several sum to 1; Keras divides sigmoids by their sum, which learns worse."
        return _finding(one, what, change, 0.8 if one.activation == "sigmoid" else 0.6, why)
    what = f"the loss takes probabilities, and the outputs go from {rows.min():.3g} to {rows.max():.3g}"
    change = "say from_logits=True (config.loss = {'name': …, 'from_logits': True}), or end in a softmax or sigmoid"
    why = "A logarithm of what is no probability: negative outputs are cut off, and have no gradient."
    return _finding(one, what, change, 0.95, why)


def _with(one, from_logits):
    """The loss as it would be told."""
    try:
        return type(one.loss).from_config(one.loss.get_config() | {"from_logits": from_logits})
    except Exception:  # this package's own takes logits only
        return keras.losses.get({"class_name": "".join(p.title() for p in one.kind.split("_")), "config": {}})


def _finding(one, what, change, confidence, why=""):
    where = f"output {one.name!r}: " if one.name else ""
    why = why or "What the loss measures is not what the labels ask for: it can fall while nothing is learned."
    return Finding("loss_does_not_fit_outputs", f"{where}{what}", why, change, confidence)


def _that_breaks(patient):
    """A loss that cannot be computed, or is not finite where the outputs are."""
    model = patient.trainer.model
    inputs, labels, weights = patient.batch(64)
    try:
        with stateless(model, [], tf.constant(0, tf.int64)):
            loss, outputs = compute(model, inputs, labels, weights, training=False)
    except Exception:  # plan_task has said it, if it is no fault of this call
        return _refused(patient)
    finally:
        model._clear_losses()
    finite = all(np.isfinite(np.asarray(one)).all() for one in tf.nest.flatten(outputs))
    if not finite or np.isfinite(float(loss)):
        return []
    why = "A loss that is not finite has no gradient to follow: the first update makes every weight NaN."
    what = f"the outputs are finite, and their loss is {float(loss)}"
    change = "choose a loss that takes all that the model gives, or end the model in what the loss takes"
    return [Finding("loss_does_not_fit_outputs", what, why, change, 0.9)]


def _refused(patient):
    if not isinstance(patient.obstacle, Misfit):
        return []
    why = "Loss, labels and outputs must belong together, or nothing can be trained."
    change = "give the loss that these labels are for: config.loss, or leave it out to have it chosen"
    return [Finding("loss_does_not_fit_outputs", str(patient.obstacle), why, change, 0.9)]


def _initial(outputs):
    if len(outputs) != 1:
        return None
    (one,) = outputs
    expected = float(np.log(one.size)) if one.kind in _CATEGORICAL and one.size > 1 else float("nan")
    expected = float(np.log(2)) if one.kind in _BINARY else expected
    return InitialLoss(loss_on(one.loss, one.labels, one.outputs), expected)

"""The losses between which learning takes place: that of the best constant answer, and that of the right answer."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.training.trainer import Trainer

_SURE = (2.0, 3.0, 4.0, 6.0, 9.0, 14.0)  # logits of a right answer; smoothed labels ask for small ones


def constant_loss(trainer: Trainer, labels: Any, outputs: Any) -> float:
    """Returns the least loss of a model that gives the same for every example; infinity where that is not known.

    A model that has learned something from its inputs is below it. It is tried with the shares of the classes, with
    mean and median, as they are and as logits: with one of them the usual losses are least.

    Args:
        trainer: `Trainer`, for the loss and the penalty.
        labels: of n examples, a NumPy array; of several outputs nothing is known.
        outputs: of the model for them.

    Example:
        >>> import keras
        >>> import tf_tricks as tt
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
        >>> outputs = np.zeros((8, 4), "float32")
        >>> round(constant_loss(tt.Trainer(model), np.arange(8) % 4, outputs), 4)  # log 4
        1.3863
    """
    targets = _targets(labels, outputs)
    if targets is None:
        return math.inf
    flat = targets.reshape(-1, targets.shape[-1])
    mean, median = flat.mean(0), np.median(flat, axis=0)
    answers = [mean, median, *_as_logits(mean)]
    return _least(trainer, labels, (np.broadcast_to(answer, targets.shape) for answer in answers))


def right_loss(trainer: Trainer, labels: Any, outputs: Any) -> float:
    """Returns the least loss of a model that gives the right answer for each example; infinity where it is not known.

    Args:
        trainer: as `constant_loss`.
        labels: likewise.
        outputs: likewise.
    """
    targets = _targets(labels, outputs)
    if targets is None:
        return math.inf
    answers = [targets]
    if targets.min() >= 0 and targets.max() <= 1:
        answers += [sure * (2 * targets - 1) for sure in _SURE]
        answers += [np.clip(targets, eps, 1 - eps) for eps in (1e-6, 1e-3, 0.01, 0.03, 0.1)]
    return _least(trainer, labels, answers)


def _targets(labels, outputs):
    """The labels in the shape of the outputs, float32: classes as one-hot rows."""
    if tf.nest.is_nested(labels) or tf.nest.is_nested(outputs) or labels is None:
        return None
    labels, shape = np.asarray(labels), tuple(outputs.shape)
    if labels.dtype.kind not in "iufb" or len(shape) < 2:
        return None
    if labels.shape == shape:
        return labels.astype("float32")
    if labels.shape in (shape[:-1], (*shape[:-1], 1)):
        labels = labels.reshape(shape[:-1])
        if shape[-1] == 1:
            return labels[..., None].astype("float32")
        if np.all(labels == np.round(labels)) and labels.min() >= 0 and labels.max() < shape[-1]:
            return np.eye(shape[-1], dtype="float32")[labels.astype(int)]
    return None


def _as_logits(mean):
    """Log-probabilities, and log-odds, where the means can be shares."""
    if mean.min() < 0 or mean.max() > 1:
        return []
    shares = np.clip(mean, 1e-6, 1 - 1e-6)
    return [np.log(shares), np.log(shares / (1 - shares))]


def loss_of(trainer: Trainer, labels: Any, outputs: Any) -> float:
    """Returns the trainer's loss of outputs, with its penalty; NaN where a model computes a loss of its own.

    Args:
        trainer: `Trainer`.
        labels: NumPy array.
        outputs: NumPy array.
    """
    model = trainer.model
    if type(model).compute_loss is not keras.Model.compute_loss or labels is None:
        return math.nan
    with keras.StatelessScope():
        loss = model._compute_loss(
            x=None, y=tf.constant(labels), y_pred=tf.constant(np.ascontiguousarray(outputs), "float32"), training=True
        )
    return float(loss) + float(trainer.update.penalty())


def _least(trainer: Trainer, labels: Any, answers: Iterable[np.ndarray]) -> float:
    losses = [loss_of(trainer, labels, answer) for answer in answers]
    return min((loss for loss in losses if math.isfinite(loss)), default=math.inf)

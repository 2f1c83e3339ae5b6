"""The loss of a batch that is computed in parts: on several replicas, or in micro-batches.

A loss that Keras takes the mean of is, over equal parts, the mean of the parts' losses. That is not so for a sum, for a
mean over what a mask leaves (the parts have different numbers left), or for a mean by weights. Here each loss of a
compiled model gets the factor that makes the parts add up to what the whole batch has.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops
from keras.src.backend import get_keras_mask
from keras.src.trainers.compile_utils import get_loss

from tf_tricks.annotations import Tensor

MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")


class Shares:
    """Knows which part of a batch is computed, while a train or evaluation step is traced.

    Attributes:
        depend_on_data: whether the share of a part depends on its masks or weights: then the divisors of all parts have
            to be known before the loss of one. Known once a loss was called.
    """

    def __init__(self) -> None:
        self.depend_on_data = False
        self._part: tuple[Any, ...] | None = None
        self._measured: list[Any] | None = None

    @contextlib.contextmanager
    def part(self, parts: int, sum_factor: float, totals: Tensor | None = None) -> Iterator[None]:
        """Within this context losses are those of one part of a batch, and the mean over the parts is the whole's.

        (Keras itself divides by the number of replicas what is no sum.)

        Args:
            parts: how many there are, replicas times micro-batches.
            sum_factor: the factor of losses that are sums.
            totals: float32 [losses], the sums over all parts of what `measured` gives; None if they are not needed.
        """
        self._part = parts, sum_factor, None if totals is None else iter(ops.unstack(totals))
        try:
            yield
        finally:
            self._part = None

    @contextlib.contextmanager
    def measured(self) -> Iterator[list[Tensor]]:
        """Within this context each loss adds its divisor to the list that is returned: 1 where it is a constant."""
        found: list[Any] = []
        self._measured = found
        try:
            yield found
        finally:
            self._measured = None

    def weighed(
        self, loss: keras.losses.Loss, value: Tensor, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None
    ) -> Tensor:
        """Returns `value` of a Keras loss with the factor of the part."""
        own = divisor(loss, y_true, y_pred, sample_weight)
        self.depend_on_data = self.depend_on_data or own is not None
        if self._measured is not None:
            self._measured.append(ops.ones(()) if own is None else ops.cast(own, "float32"))
        if self._part is None:
            return value
        parts, sum_factor, totals = self._part
        total = None if totals is None else next(totals)
        if loss.reduction == "sum":
            return value * sum_factor
        if own is None or total is None:
            return value
        return value * ops.cast(ops.divide_no_nan(ops.cast(own, "float32") * parts, total), value.dtype)


class SharedLoss(keras.losses.Loss):
    """A loss of a compiled model as Keras would make it, with its share of the batch.

    Args:
        identifier: a Keras loss, a function, or a name that Keras knows.
        shares: the model's `Shares`.
    """

    def __init__(self, identifier: keras.losses.Loss | Callable[..., Any] | str, shares: Shares):
        super().__init__(name=identifier if isinstance(identifier, str) else getattr(identifier, "name", None))
        self.identifier = identifier
        self._shares = shares
        self._loss: Any = None

    def __call__(self, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        """Returns Keras's loss of this part, a scalar."""
        if self._loss is None:
            self._loss = get_loss(self.identifier, y_true, y_pred)
        value = self._loss(y_true, y_pred, sample_weight)
        return self._shares.weighed(self._loss, value, y_true, y_pred, sample_weight)


def divisor(
    loss: keras.losses.Loss, y_true: Tensor, y_pred: Tensor, sample_weight: Tensor | None = None
) -> Tensor | None:
    """Returns what a loss divides its sum by, where that depends on masks or weights, a scalar; otherwise None."""
    if loss.reduction not in MEANS:
        return None
    mask = get_keras_mask(y_pred)
    if getattr(loss, "ignore_class", None) is not None:
        counts = ops.cast(ops.not_equal(y_true, ops.cast(loss.ignore_class, y_true.dtype)), "float32")
        if len(counts.shape) == len(y_pred.shape) and counts.shape[-1] == 1:
            counts = ops.squeeze(counts, -1)
        mask = counts if mask is None else ops.cast(mask, "float32") * counts
    weights = sample_weight if loss.reduction == "mean_with_sample_weight" else None
    if mask is None:
        return None if weights is None else ops.sum(weights)
    mask = ops.cast(mask, "float32")
    if weights is not None:
        weights = ops.cast(weights, "float32")
        while len(weights.shape) < len(mask.shape):
            weights = ops.expand_dims(weights, -1)
        mask = mask * weights
    return ops.sum(mask)

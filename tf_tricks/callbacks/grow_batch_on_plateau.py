"""Batch growth when a metric has stopped improving."""

import math
from typing import Any

import numpy as np

from tf_tricks.callbacks.model_state import check_settable_rate
from tf_tricks.callbacks.plateau import Plateau
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register(
    "callbacks", "grow_batch_on_plateau", example={"monitor": "loss", "patience": 1, "min_delta": 10.0, "factor": 2}
)
class GrowBatchOnPlateau(Plateau):
    """Multiplies the batch size by a factor whenever a metric has stopped improving.

    The noise scale of SGD is about η·N/b, with learning rate η, batch size b and N examples: a batch `factor` times as
    large takes away as much noise as a rate `factor` times smaller, in fewer updates (Smith et al. 2018,
    arXiv:1711.00489). After `patience` epochs without improvement b grows as far as it may, and η does the rest, so
    that every plateau takes the same noise away:

        b' = min(factor · b, maximum, N),   η ← η · b' / (factor · b)

    At the maximum only η falls, by 1/factor, as Smith et al. do from B_max on. b' is rounded down to what can be
    split over the replicas and micro-batches. In `tt.Trainer` b takes over from the schedule and η's factor stays on
    top of it, over a resume, too. In plain `fit` give the `tt.data.Stream` that it reads.

    Use it when a larger batch costs little more time an update: on GPUs and TPUs, or on many of them.

    Avoid it when the hardware is busy with the first batch size already: then it trains no faster than a decay, and
    on one CPU slower by the time it takes to trace the step anew. Leave it for `schedules.grow` if you know the epochs.

    Config:
        config.callbacks = [dict(name="grow_batch_on_plateau", factor=5, maximum=512, patience=5)]

    Args:
        maximum: the largest batch, at least 1; None (default) for all examples.
        factor: above 1, default 5.
        stream: the `tt.data.Stream` that plain `fit` reads; not needed with `tt.Trainer`.
        monitor: the metric's name in the logs, default `"val_loss"`.
        patience: epochs without improvement, at least 1, default 10.
        mode: `"min"`, `"max"`, or `"auto"` (default), which goes by the metric's name.
        min_delta: what is less is no improvement, at least 0, default 1e-4.
        cooldown: epochs after a growth that do not count, at least 0, default 0.

    Raises:
        RequestError: an argument is out of range, plain `fit` has no stream, or the optimizer holds a schedule.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks import GrowBatchOnPlateau
        >>> from tf_tricks.data import Stream
        >>> stream = Stream((np.zeros((8, 1), "float32"), np.zeros((8, 1), "float32")), batch_size=1)
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(keras.optimizers.SGD(0.5), "mse")
        >>> growth = GrowBatchOnPlateau(maximum=4, factor=2, stream=stream, monitor="loss", patience=1)
        >>> _ = model.fit(stream, epochs=5, callbacks=[growth], shuffle=False, verbose=0)  # grows after 2 and 3
        >>> stream.batch_size, float(model.optimizer.learning_rate)  # decays after 4 and 5
        (4, 0.125)
    """

    def __init__(
        self,
        maximum: int | None = None,
        factor: float = 5,
        stream: Any = None,
        monitor: str = "val_loss",
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
    ):
        super().__init__(monitor, patience, mode, min_delta, cooldown)
        self.maximum = math.inf if maximum is None else check_number("maximum", maximum, minimum=1, integer=True)
        self.factor = check_number("factor", factor, above=1)
        self.stream = stream
        self._trainer = None

    def set_trainer(self, trainer: Any) -> None:
        """Is to grow the batch of a `tt.Trainer`."""
        self._trainer = trainer

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Checks that batch and rate can be set."""
        super().on_train_begin(logs)
        check_settable_rate(self, self.model.optimizer)
        if self._trainer is None and self.stream is None:
            raise RequestError(
                "GrowBatchOnPlateau grows the batch of a tt.data.Stream in plain fit: "
                "give it the one that fit reads, stream=..."
            )
        if self.maximum < (size := self._source().batch_size):
            raise RequestError(f"maximum={self.maximum} is below the batch of {size} that training starts with")

    def on_plateau(self, epoch: int) -> None:
        """Grows the batch as far as it may; the rate falls by what is left of the factor."""
        del epoch
        source = self._source()
        size = source.batch_size
        grown = max(size, self._allowed(self.factor * size))
        if grown > size:
            source.batch_size = grown
        if self._trainer is None:
            self.params["steps"] = len(self.stream)  # one dict for all callbacks: others read it
        if grown < self.factor * size:
            optimizer = self.model.optimizer
            rate = float(np.asarray(optimizer.learning_rate))  # a mirrored variable does not convert by itself
            optimizer.learning_rate = rate * grown / (self.factor * size)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Forgets the trainer: the next run may be of plain `fit`."""
        del logs
        self._trainer = None

    def _source(self):
        """What has the attribute `batch_size`."""
        return self.stream if self._trainer is None else self._trainer.run

    def _allowed(self, size):
        """The largest batch up to `size` that can be trained."""
        if self._trainer is None:
            return int(min(size, self.maximum, self.stream.source.num_examples))
        size = min(size, self.maximum, self._trainer.run.stream.source.num_examples)
        micro_batch = self._trainer.micro_batch
        unit = micro_batch if micro_batch and size > micro_batch else self._trainer.num_replicas
        return int(size // unit * unit)

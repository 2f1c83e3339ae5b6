"""A batch-size schedule as a Keras callback: growing the batch instead of decaying the rate."""

from collections.abc import Callable
from typing import Any

import keras

from tf_tricks import schedules
from tf_tricks.annotations import Named
from tf_tricks.registry import register


@register(
    "callbacks", "batch_size_increase", example={"schedule": {"name": "grow", "initial": 8, "epochs": [1], "factor": 2}}
)
class BatchSizeIncrease(keras.callbacks.Callback):
    """Sets the batch size from a schedule of the epoch.

    In plain `keras.Model.fit` it changes the batch size of a `tt.data.Stream` at the beginning of an epoch (Smith et
    al. 2018, arXiv:1711.00489). With `tt.Trainer` it replaces the trainer's schedule, and the batch grows at the very
    step.

    Plain `fit` settles the number of batches before the first epoch: when the batch grows it warns that the data ran
    out, which is the end of the shorter epoch and does no harm.

    Use it when you train with `keras.Model.fit` and the batch is to grow where the rate would decay.

    Avoid it when you train with `tt.Trainer`, whose `batch_size` takes the same schedules and switches at the very
    step.

    Config:
        growth = dict(name="grow", initial=16, epochs=(2,), factor=2)
        config.callbacks = [dict(name="batch_size_increase", schedule=growth)]

    Args:
        schedule: a schedule of `tf_tricks.schedules`, or a dict or number that stands for one.
        stream: the `tt.data.Stream` that `fit` reads; not needed with `tt.Trainer`.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks import schedules
        >>> from tf_tricks.data import Stream
        >>> stream = Stream((np.zeros((8, 1), "float32"), np.zeros((8, 1), "float32")), batch_size=2)
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> growth = BatchSizeIncrease(schedules.grow(2, epochs=(1,), factor=2), stream)
        >>> _ = model.fit(stream, epochs=2, callbacks=[growth], verbose=0)
        >>> stream.batch_size, len(stream)  # 4 batches of 2, then 2 batches of 4
        (4, 2)
    """

    def __init__(self, schedule: Callable[[float], float] | Named | float, stream: Any = None):
        super().__init__()
        self.schedule = schedules.get(schedule)
        self.stream = stream

    def schedules(self) -> dict[str, Callable[[float], float]]:
        """Returns the schedule that a `tt.Trainer` follows in place of its own."""
        return {"batch_size": self.schedule}

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the stream's batch size for this epoch."""
        del logs
        if self.stream is not None:
            self.stream.batch_size = int(self.schedule(float(epoch)))
            self.params["steps"] = len(self.stream)  # one dict for all callbacks: others read it

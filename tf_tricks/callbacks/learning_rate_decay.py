"""A learning-rate schedule as a Keras callback."""

from collections.abc import Callable
from typing import Any

import keras

from tf_tricks import schedules
from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError
from tf_tricks.registry import register


@register(
    "callbacks",
    "learning_rate_decay",
    example={"schedule": {"name": "step_decay", "initial": 0.03, "epochs": [1], "factor": 0.5}},
)
class LearningRateDecay(keras.callbacks.Callback):
    """Sets the learning rate before every batch, from a schedule of the epoch.

    For plain `keras.Model.fit`, where Keras's own schedules count updates: epochs keep their meaning when the batch
    size changes. A batch takes the rate of its middle. With `tt.Trainer` it replaces the trainer's schedule.

    Use it when you train with `keras.Model.fit` and want a schedule in epochs.

    Avoid it when you train with `tt.Trainer`, whose `learning_rate` takes the same schedules, or the optimizer was made
    with a schedule of Keras.

    Config:
        decay = dict(name="exponential_decay", initial=0.1, decay_rate=0.9)
        config.callbacks = [dict(name="learning_rate_decay", schedule=decay)]

    Args:
        schedule: a schedule of `tf_tricks.schedules`, or a dict or number that stands for one.

    Raises:
        RequestError: in `fit`, the optimizer has its own schedule, or it is not known where in an epoch a batch is.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks import schedules
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> decay = LearningRateDecay(schedules.step_decay(0.1, epochs=(1,), factor=0.1))
        >>> _ = model.fit(np.zeros((8, 1)), np.zeros(8), epochs=2, callbacks=[decay], verbose=0)
        >>> round(float(model.optimizer.learning_rate), 6)
        0.01
    """

    def __init__(self, schedule: Callable[[float], float] | Named | float):
        super().__init__()
        self.schedule = schedules.get(schedule)
        self._trainer_sets_it = False
        self._epoch = 0

    def schedules(self) -> dict[str, Callable[[float], float]]:
        """Returns the schedule that a `tt.Trainer` follows with every single update, in place of its own."""
        return {"learning_rate": self.schedule}

    def set_trainer(self, trainer: Any) -> None:
        """Leaves the rate to a `tt.Trainer`."""
        del trainer
        self._trainer_sets_it = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Checks that the rate can be set."""
        del logs
        if not isinstance(self.model.optimizer._learning_rate, keras.Variable):
            raise RequestError(
                "LearningRateDecay sets the learning rate, but the optimizer was made with a schedule of its own: "
                "make it with a number"
            )
        if not self._trainer_sets_it and self.model.steps_per_execution > 1:
            raise RequestError(
                "LearningRateDecay sets the rate of every batch, and of several at once with steps_per_execution="
                f"{self.model.steps_per_execution}: compile the model with steps_per_execution=1"
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch."""
        del logs
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of this batch."""
        del logs
        if not self._trainer_sets_it:
            batches = self.params.get("steps")
            if batches is None:
                raise RequestError(
                    "LearningRateDecay needs the number of batches of an epoch, and these data do not tell it: "
                    "give fit steps_per_epoch"
                )
            self.model.optimizer.learning_rate = self.schedule(self._epoch + (batch + 0.5) / batches)

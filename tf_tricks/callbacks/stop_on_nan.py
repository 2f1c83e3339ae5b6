"""The end of a run that has diverged, with the last good weights."""

import math
import sys
from typing import Any

import keras
import numpy as np

from tf_tricks.callbacks.model_state import put_back, snapshot, state_variables
from tf_tricks.registry import register

_ADVICE = (
    "try a learning rate ten times smaller, a warm-up or a bound of 1.0 on the gradient's global norm, "
    "or look for NaN in the data"
)
_MOST_NAMES = 4


@register("callbacks", "stop_on_nan")
class StopOnNaN(keras.callbacks.Callback):
    """Stops when the loss or a weight is not finite, says where, and brings the last good weights back.

    The loss is looked at after every update (in `tt.Trainer` after every call of the compiled loop, where an update
    in between that is not finite counts, too), the weights at the end of every epoch. One sentence on standard error
    tells the step, the variables that are not finite and what to try; it is kept in `message`. Model and optimizer
    then get the state of the end of the last epoch in which all was finite, or of the start.

    Use it when a long run may diverge with nobody watching: what was reached is kept, where Keras's `TerminateOnNaN`
    leaves NaN in every weight.

    Avoid it when a diverged run should fail: without it, `tt.Trainer` ends with a `RunError` and exit status 1. Leave
    `restore` out if memory is short: a copy of the weights and the optimizer's state is kept on the host, and in the
    checkpoints of the trainer.

    Config:
        config.callbacks = [dict(name="stop_on_nan")]

    Args:
        restore: whether the weights come back, default True.

    Attributes:
        message: the sentence, or None if all was well.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks import StopOnNaN
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
        >>> model.compile("sgd", "mse")
        >>> stop = StopOnNaN()
        >>> _ = model.fit(np.ones((4, 1)), np.full(4, np.nan), callbacks=[stop], verbose=0)
        >>> stop.message.split(":")[0]
        'the loss is nan at batch 1 of epoch 1'
        >>> float(model.layers[0].kernel[0, 0])
        1.0
    """

    _good: list[Any]

    def __init__(self, restore: bool = True):
        super().__init__()
        self.restore = restore
        self.message = None
        self._counts_steps = False
        self._epoch = 0
        self._good, self._good_when = [], ""

    def set_trainer(self, trainer: Any) -> None:
        """Batches of a `tt.Trainer` are numbered through the whole run."""
        del trainer
        self._counts_steps = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Keeps the state of the start."""
        del logs
        self.message = None
        self._keep("start")

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch."""
        del logs
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the loss."""
        loss = (logs or {}).get("loss", 0.0)
        if self.message is None and not math.isfinite(loss):
            where = f"step {batch + 1}" if self._counts_steps else f"batch {batch + 1} of epoch {self._epoch + 1}"
            self._stop(f"the loss is {loss} at {where}", self._names_not_finite())

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Looks at the weights; keeps them if they are finite."""
        del logs
        if self.message is not None:
            return
        if names := self._names_not_finite():
            self._stop(f"there are weights that are not finite at the end of epoch {epoch + 1}", names)
        else:
            self._keep(f"end of epoch {epoch + 1}")

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Puts the good weights back once more: a moving average of the weights may have been put in their place."""
        del logs
        if self.message is not None:
            self._put_back()
        self._good = []
        self._counts_steps = False  # the next run may be of plain `fit`

    def _stop(self, what, names):
        shown = ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES} more" * (len(names) > _MOST_NAMES))
        which = f"not finite are the weights {shown}" if names else "all weights are still finite"
        back = f"; those of the {self._good_when} are back" if self._good else ""
        self.message = f"{what}: {which}{back}; {_ADVICE}"
        print(self.message, file=sys.stderr)
        self.model.stop_training = True
        self._put_back()

    def _names_not_finite(self):
        return [v.path for v in self.model.weights if not np.all(np.isfinite(np.asarray(v)))]

    def _keep(self, when):
        if self.restore and self.model.built and not self._names_not_finite():
            self._good, self._good_when = snapshot(state_variables(self.model)), when

    def _put_back(self):
        if self._good:
            put_back(state_variables(self.model), self._good)

"""What to do when a metric has stopped improving: decay the learning rate, or grow the batch."""

import math
import warnings
from typing import Any

import keras

from tf_tricks.errors import RequestError, check_number

_FALLING = ("loss", "error", "hinge", "divergence", "entropy", "perplexity")


_RISING = ("accuracy", "acc", "auc", "precision", "recall", "score", "iou")


class Plateau(keras.callbacks.Callback):
    """Calls `on_plateau` when a metric has not improved for some epochs: a base class.

    It counts as Keras's `ReduceLROnPlateau` does. An epoch improves if its value is better than the best so far by
    more than `min_delta`. After `patience` epochs in a row without improvement there is a plateau; then `cooldown`
    epochs pass in which nothing is counted.

    Args:
        monitor: the metric's name in the logs, such as `"val_loss"` or `"val_accuracy"`.
        patience: epochs without improvement, at least 1.
        mode: `"min"` if the metric is to fall, `"max"` if it is to rise; `"auto"` goes by its name.
        min_delta: what is less is no improvement; at least 0.
        cooldown: epochs after a plateau that do not count, at least 0.

    Raises:
        RequestError: an argument is out of range, or `"auto"` does not know the metric.

    Example:
        >>> from tf_tricks.callbacks.plateau import Plateau
        >>> class Tell(Plateau):
        ...     def on_plateau(self, epoch):
        ...         print(f"epoch {epoch}: no better than {self.best}")
        >>> tell = Tell(patience=2)
        >>> tell.on_train_begin()
        >>> for epoch, loss in enumerate([2.0, 1.0, 1.0, 1.0, 0.5]):
        ...     tell.on_epoch_end(epoch, {"val_loss": loss})
        epoch 3: no better than 1.0
    """

    cooldown_counter: int

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
    ):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise RequestError(f"mode must be 'auto', 'min' or 'max', not {mode!r}")
        self.monitor = monitor
        self.patience = check_number("patience", patience, minimum=1, integer=True)
        self.mode = mode
        self.threshold = check_number("min_delta", min_delta, minimum=0)
        self.cooldown = check_number("cooldown", cooldown, minimum=0, integer=True)
        self._forget()

    def on_plateau(self, epoch: int) -> None:
        """Does what is to be done at the end of `epoch`; a subclass says what."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts counting."""
        del logs
        self._forget()
        if self.mode == "auto":
            self.mode = _mode_of(self.monitor)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compares with the best epoch so far."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} looks at {self.monitor!r}, which epoch {epoch + 1} does not have; "
                f"it has: {', '.join(logs or ['nothing'])}",
                stacklevel=2,
            )
            return
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._improves(value):
            self.best, self.wait = float(value), 0
        elif not self.cooldown_counter:
            self.wait += 1
            if self.wait >= self.patience:
                self.on_plateau(epoch)
                self.wait, self.cooldown_counter = 0, self.cooldown

    def _forget(self):
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def _improves(self, value):
        if self.best is None:
            return math.isfinite(value)
        return value < self.best - self.threshold if self.mode == "min" else value > self.best + self.threshold


def _mode_of(monitor):
    if monitor.endswith(_FALLING):
        return "min"
    if monitor.endswith(_RISING):
        return "max"
    raise RequestError(f"mode='auto' does not know whether {monitor!r} is to fall or to rise: say mode='min' or 'max'")

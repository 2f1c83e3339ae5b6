"""Training loss and metrics: the loss over two spans at once, the metrics where Keras keeps them."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.engines.results import results
from tf_tricks.losses.cross_entropy import are_distributions


@keras.saving.register_keras_serializable("tf_tricks")
class Accuracy(keras.metrics.MeanMetricWrapper):
    """What Keras makes of the name `"accuracy"`: how often the class with the largest output is the right one.

    Labels are integers [...] or [..., 1]; or distributions [..., K], as mixup and cutmix make them, of which the
    most likely class counts as the right one. For a single output a number above 0.5 stands for 1. Keras decides once
    which it is; here each batch may have labels of its own kind.

    Args:
        name: the metric's name.
        dtype: of its result.

    Example:
        >>> import numpy as np
        >>> accuracy, outputs = Accuracy(), np.array([[0.1, 2.0], [3.0, 0.0]])
        >>> [float(accuracy(np.array(labels), outputs)) for labels in ([1, 0], [[0.3, 0.7], [0.4, 0.6]])]
        [1.0, 0.75]
    """

    def __init__(self, name: str = "accuracy", dtype: str | None = None):
        super().__init__(fn=_are_right, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return {"name": self.name, "dtype": self.dtype}

    def keras_own(self) -> keras.metrics.Metric:
        """Returns Keras's own metric that is the same for integers."""
        return keras.metrics.SparseCategoricalAccuracy(self.name, self.dtype)


def _are_right(y_true, y_pred):
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if y_pred.shape[-1] == 1:
        return keras.metrics.binary_accuracy(*_same_rank(y_true, y_pred))
    if are_distributions(y_true, y_pred):
        y_true = ops.argmax(y_true, axis=-1)
    return keras.metrics.sparse_categorical_accuracy(y_true, y_pred)


def directions(metrics: Iterable[keras.metrics.Metric]) -> dict[str, str]:
    """Returns a dict of each metric's name to "up" or "down", whether it is to rise or to fall, as far as Keras knows.

    Args:
        metrics: Keras metrics.

    Example:
        >>> directions([keras.metrics.AUC(), keras.metrics.MeanSquaredError(), keras.metrics.Mean()])
        {'auc': 'up', 'mean_squared_error': 'down'}
    """
    known = {metric.name: getattr(metric, "_direction", None) for metric in metrics}
    return {name: direction for name, direction in known.items() if direction in ("up", "down")}


def choose_modes(callbacks: Iterable[keras.callbacks.Callback], metrics: Iterable[keras.metrics.Metric]) -> None:
    """Tells callbacks with `mode="auto"` whether the metric that they monitor is to rise or to fall.

    Args:
        callbacks: Keras callbacks, such as `EarlyStopping`.
        metrics: Keras metrics.
    """
    for callback in callbacks:
        if getattr(callback, "mode", None) == "auto":
            callback.mode = mode_of(str(getattr(callback, "monitor", "")), metrics) or "auto"


def mode_of(name: str, metrics: Iterable[keras.metrics.Metric]) -> str | None:
    """Returns whether a value of the history is better when it falls, `"min"`, or rises, `"max"`; None if unknown.

    Args:
        name: `"val_accuracy"`, or with the name of an output, `"val_u_accuracy"`; losses fall.
        metrics: Keras metrics.

    Example:
        >>> mode_of("val_acc", [Accuracy("acc")]), mode_of("val_loss", []), mode_of("val_mine", [])
        ('max', 'min', None)
    """
    name = name.removeprefix("val_")
    if name == "loss" or name.endswith("_loss"):
        return "min"
    found = {direction for of, direction in directions(metrics).items() if name == of or name.endswith(f"_{of}")}
    return {"up": "max", "down": "min"}[found.pop()] if len(found) == 1 else None


def _same_rank(y_true, y_pred):
    return (ops.expand_dims(y_true, -1), y_pred) if len(y_true.shape) < len(y_pred.shape) else (y_true, y_pred)


class MetricSums:
    """The training loss since the last log line and over the epoch, and the metrics of a compiled model.

    The metrics' state lives in Keras's own variables from the beginning of an epoch to its end, as in `Model.fit`.

    Args:
        model: a compiled `keras.Model` whose metrics the training loop updates.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self.clear()

    @property
    def variables(self) -> list[keras.Variable]:
        """The variables of the metrics."""
        return self.model.metrics_variables

    def clear(self) -> None:
        """Starts a new epoch."""
        self.losses = {"line": np.zeros(2), "epoch": np.zeros(2)}
        self.model.reset_metrics()

    def add_losses(self, losses: Iterable[float], batch_size: int) -> None:
        """Adds the losses of consecutive updates, one by one, so that the result does not depend on the grouping."""
        for loss in losses:
            for sums in self.losses.values():
                sums += (float(loss) * batch_size, batch_size)

    def line(self) -> dict[str, Any]:
        """Returns the loss since the last line, starts the next, and the metrics of the epoch so far."""
        values = results(self.model) | {"loss": _mean(self.losses["line"])}
        self.losses["line"] = np.zeros(2)
        return values

    def epoch_results(self) -> dict[str, Any]:
        """Returns loss and metrics of the whole epoch."""
        return results(self.model) | {"loss": _mean(self.losses["epoch"])}

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps, beside the metrics' variables."""
        return {"losses": self.losses}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Puts the state back."""
        self.losses = state["losses"]


def _mean(sums):
    return float(sums[0] / sums[1]) if sums[1] else float("nan")

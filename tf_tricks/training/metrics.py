"""Training loss and metrics over two spans at once: since the last log line, and over the epoch."""

import keras
import numpy as np
from keras import ops

from tf_tricks.errors import RequestError
from tf_tricks.losses.cross_entropy import are_distributions
from tf_tricks.registry import Registry, classes_by_name


@keras.saving.register_keras_serializable("tf_tricks")
class Accuracy(keras.metrics.MeanMetricWrapper):
    """How often the class with the largest output is the right one.

    Labels are whole numbers [...] or [..., 1]; or distributions [..., K], as mixup and cutmix make them, of which the
    most likely class counts as the right one.

    Args:
        name: the metric's name.
        dtype: of its result.

    Example:
        >>> import numpy as np
        >>> accuracy, outputs = Accuracy(), np.array([[0.1, 2.0], [3.0, 0.0]])
        >>> [float(accuracy(np.array(labels), outputs)) for labels in ([1, 0], [[0.3, 0.7], [0.4, 0.6]])]
        [1.0, 0.75]
    """

    def __init__(self, name="accuracy", dtype=None):
        super().__init__(fn=_are_right, name=name, dtype=dtype)
        self._direction = "up"

    def get_config(self):
        """Returns the arguments."""
        return {"name": self.name, "dtype": self.dtype}

    def keras_own(self):
        """Returns Keras's own metric that is the same for whole numbers."""
        return keras.metrics.SparseCategoricalAccuracy(self.name, self.dtype)


def _are_right(y_true, y_pred):
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if are_distributions(y_true, y_pred):
        y_true = ops.argmax(y_true, axis=-1)
    return keras.metrics.sparse_categorical_accuracy(y_true, y_pred)


_REGISTRY = Registry("metric", classes_by_name(keras.metrics, keras.metrics.Metric) | {"accuracy": Accuracy})


def get_metric(identifier):
    """Returns a metric from a name in snake case, a dict with `"name"` and its arguments, or a Keras metric.

    `"accuracy"` is that of whole-number labels or of distributions.
    """
    metric = _REGISTRY.get(identifier)
    if not isinstance(metric, keras.metrics.Metric):
        raise RequestError(f"a metric must be a name, a dict with 'name', or a Keras metric, not {identifier!r}")
    return metric


def choose_modes(callbacks, metrics):
    """Tells callbacks with `mode="auto"` whether the metric that they monitor is to rise or to fall.

    Keras finds that out from a compiled model, and the trainer's model is not compiled.

    Args:
        callbacks: Keras callbacks, such as `EarlyStopping`.
        metrics: the trainer's Keras metrics.
    """
    directions = {metric.name: getattr(metric, "_direction", None) for metric in metrics}
    for callback in callbacks:
        if getattr(callback, "mode", None) == "auto":
            direction = directions.get(str(getattr(callback, "monitor", "")).removeprefix("val_"))
            if direction is not None:
                callback.mode = "max" if direction == "up" else "min"


class MetricSums:
    """Keeps the sums behind the loss and the Keras metrics.

    The metrics' variables hold the span since the last log line. At each line they move into the epoch's sums: the
    state of a Keras metric is a sum, over examples as over replicas.

    Args:
        metrics: Keras metrics that the training loop updates.
    """

    def __init__(self, metrics):
        self.metrics = list(metrics)
        self.variables = [v for metric in self.metrics for v in metric.variables]
        self.clear()

    def clear(self):
        """Starts a new epoch."""
        self.losses = {"line": np.zeros(2), "epoch": np.zeros(2)}
        self.epoch = [np.zeros(v.shape) for v in self.variables]
        self._reset()

    def add_losses(self, losses, batch_size):
        """Adds the losses of consecutive updates, one by one, so that the result does not depend on the grouping."""
        for loss in losses:
            for sums in self.losses.values():
                sums += (float(loss) * batch_size, batch_size)

    def line(self):
        """Returns loss and metrics since the last line, and starts the next."""
        values = {"loss": _mean(self.losses["line"])} | self._results()
        self._move()
        return values

    def epoch_results(self):
        """Returns loss and metrics of the whole epoch."""
        self._move()
        for variable, value in zip(self.variables, self.epoch):
            variable.assign(value)
        values = {"loss": _mean(self.losses["epoch"])} | self._results()
        self._reset()
        return values

    def state(self):
        """Returns what a checkpoint keeps, beside the metrics' variables."""
        return {"losses": self.losses, "epoch": self.epoch}

    def set_state(self, state):
        """Puts the state back."""
        self.losses, self.epoch = state["losses"], state["epoch"]

    def _move(self):
        self.epoch = [total + np.asarray(v) for total, v in zip(self.epoch, self.variables)]
        self.losses["line"] = np.zeros(2)
        self._reset()

    def _reset(self):
        for metric in self.metrics:
            metric.reset_state()

    def _results(self):
        return {metric.name: float(metric.result()) for metric in self.metrics}


def _mean(sums):
    return float(sums[0] / sums[1]) if sums[1] else float("nan")

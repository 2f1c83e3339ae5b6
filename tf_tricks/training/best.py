"""The best model of a run so far: the weights that were validated when a metric was best."""

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from tf_tricks.callbacks.model_state import put_back, snapshot
from tf_tricks.engines.results import results
from tf_tricks.errors import RequestError, unknown
from tf_tricks.training.metrics import mode_of
from tf_tricks.training.state import Progress

MODES = ("min", "max")


class Best:
    """Keeps the weights of the epoch with the best value of a metric.

    Of equal values the first is kept; one that is not finite never.

    Args:
        name: of the metric, as the history has it.
        mode: `"min"` or `"max"`.

    Attributes:
        value: the best so far, or None.
        epoch: that it was in, from 0, or None.
        progress: how far the run was then.
        weights: NumPy arrays of `model.weights`, or an empty list.

    Example:
        >>> import keras
        >>> from tf_tricks.training.best import Best
        >>> from tf_tricks.training.state import Progress
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> best = Best("val_loss", "min")
        >>> for epoch, loss in enumerate([2.0, 1.0, float("nan"), 1.0]):
        ...     best.look(epoch, {"val_loss": loss}, model, Progress(step=epoch))
        >>> best.epoch, best.value
        (1, 1.0)
    """

    def __init__(self, name: str, mode: str):
        self.name, self.mode = name, mode
        self.value: float | None = None
        self.epoch: int | None = None
        self.progress = Progress()
        self.weights: list[np.ndarray] = []

    def look(self, epoch: int, logs: Mapping[str, Any], model: keras.Model, progress: Progress) -> None:
        """Keeps the weights that `model` has now, if this epoch is better than all before."""
        value = float(logs[self.name])
        if not math.isfinite(value):
            return
        if self.value is not None and not (value < self.value if self.mode == "min" else value > self.value):
            return
        self.value, self.epoch, self.weights = value, epoch, snapshot(model.weights)
        self.progress = Progress(examples_seen=progress.examples_seen, step=progress.step)

    @contextlib.contextmanager
    def lent(self, model: keras.Model) -> Iterator[None]:
        """Within this context `model` has the best weights."""
        own = snapshot(model.weights)
        put_back(model.weights, self.weights)
        try:
            yield
        finally:
            put_back(model.weights, own)

    def summary(self) -> dict[str, Any]:
        """Returns what config.json says of it; the epoch is counted from 1 there."""
        epoch = None if self.epoch is None else self.epoch + 1
        return {"name": self.name, "mode": self.mode, "value": self.value, "epoch": epoch} | self._place()

    def state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return {"value": self.value, "epoch": self.epoch, "weights": self.weights} | self._place()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Puts the state back."""
        self.value, self.epoch = state["value"], state["epoch"]
        self.weights = list(state["weights"])
        self.progress = Progress(examples_seen=state["examples_seen"], step=state["step"])

    def _place(self):
        return {"step": self.progress.step, "examples_seen": self.progress.examples_seen}


def best_of(keep_best: Any, model: keras.Model, with_validation: bool) -> Best | None:
    """Returns the `Best` that `keep_best` asks for, or None.

    Args:
        keep_best: name of a value of the history; or a dict with `name` and `mode`, `"min"` or `"max"`; or None.
        model: a compiled model, its losses and metrics built.
        with_validation: whether there are results of a validation.

    Raises:
        RequestError: the run will not have this value, or it is not known which way it is better.
    """
    if keep_best is None:
        return None
    given = dict(keep_best.items()) if hasattr(keep_best, "items") else {"name": keep_best}
    for key in given:
        if key not in ("name", "mode"):
            raise unknown("argument of keep_best called", key, ("name", "mode"))
    name, mode = given.get("name"), given.get("mode")
    if not isinstance(name, str):
        raise RequestError(f"keep_best must be a name, such as 'val_accuracy', or a dict with one, not {keep_best!r}")
    values = results(model)
    names = [*values, *(f"val_{known}" for known in values if with_validation)]
    if name.startswith("val_") and not with_validation:
        raise RequestError(f"keep_best={name!r} needs validation, and the run has none: give it validation data")
    if name not in names:
        raise unknown("value to keep the best by called", name, names)
    if mode is not None and mode not in MODES:
        raise unknown("mode of keep_best", mode, MODES)
    if np.ndim(values[name.removeprefix("val_")]) != 0:
        raise RequestError(f"keep_best={name!r} is no single number: the metric gives one for each class or output")
    mode = mode or mode_of(name, _metrics_of(model))
    if mode is None:
        raise RequestError(
            f"keep_best does not know whether {name!r} is better when it falls or when it rises: say which, "
            f"{{'name': {name!r}, 'mode': 'min'}} or 'max'"
        )
    return Best(name, mode)


def _metrics_of(model: keras.Model) -> Iterable[keras.metrics.Metric]:
    return [] if model._compile_metrics is None else model._compile_metrics.metrics

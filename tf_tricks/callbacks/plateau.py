"""What to do when a metric has stopped improving: decay the learning rate, or grow the batch."""

import math
import warnings

import keras
import numpy as np

from tf_tricks.callbacks.model_state import check_settable_rate
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register

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

    def __init__(self, monitor="val_loss", patience=10, mode="auto", min_delta=1e-4, cooldown=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise RequestError(f"mode must be 'auto', 'min' or 'max', not {mode!r}")
        self.monitor = monitor
        self.patience = check_number("patience", patience, minimum=1, integer=True)
        self.mode = mode
        self.threshold = check_number("min_delta", min_delta, minimum=0)
        self.cooldown = check_number("cooldown", cooldown, minimum=0, integer=True)
        self._forget()

    def on_plateau(self, epoch):
        """Does what is to be done at the end of `epoch`; a subclass says what."""
        raise NotImplementedError

    def on_train_begin(self, logs=None):
        """Starts counting."""
        del logs
        self._forget()
        if self.mode == "auto":
            self.mode = _mode_of(self.monitor)

    def on_epoch_end(self, epoch, logs=None):
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


@register("callbacks", "decay_on_plateau", example={"monitor": "loss", "patience": 1, "min_delta": 10.0, "factor": 0.5})
class DecayOnPlateau(Plateau):
    """Multiplies the learning rate by a factor whenever a metric has stopped improving.

    The lecture's rule in its oldest form, as used for ResNet ("divided by 10 when the error plateaus", He et al. 2015,
    arXiv:1512.03385). After `patience` epochs without improvement:

        η ← max(factor · η, minimum)

    In `tt.Trainer` the factor stays on top of the schedule, `minimum` bounds the product at that moment, and all of it
    survives a resume.

    Use it when you do not know how long training takes, and have validation data to tell when it stalls.

    Avoid it when runs are to be compared or repeated at another size: when it acts depends on noise in the metric. A
    `step_decay` or `cosine_decay` of the epoch is the same in each run.

    Config:
        config.callbacks = [dict(name="decay_on_plateau", monitor="val_loss", factor=0.1, patience=5)]

    Args:
        factor: above 0 and below 1, default 0.1.
        minimum: the rate is not decayed below, at least 0, default 0.
        monitor: the metric's name in the logs, default `"val_loss"`.
        patience: epochs without improvement, at least 1, default 10.
        mode: `"min"`, `"max"`, or `"auto"` (default), which goes by the metric's name.
        min_delta: what is less is no improvement, at least 0, default 1e-4.
        cooldown: epochs after a decay that do not count, at least 0, default 0.

    Raises:
        RequestError: an argument is out of range, or the optimizer holds a schedule of Keras (Keras's own callback
            raises TypeError, at the first plateau).

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks import DecayOnPlateau
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(keras.optimizers.SGD(0.5), "mse")
        >>> decay = DecayOnPlateau(factor=0.5, minimum=0.1, monitor="loss", patience=1)
        >>> _ = model.fit(np.zeros((4, 1)), np.zeros(4), epochs=5, callbacks=[decay], verbose=0)
        >>> round(float(model.optimizer.learning_rate), 6)
        0.1
    """

    def __init__(
        self,
        factor=0.1,
        minimum=0.0,
        monitor="val_loss",
        patience=10,
        mode="auto",
        min_delta=1e-4,
        cooldown=0,
    ):
        super().__init__(monitor, patience, mode, min_delta, cooldown)
        self.factor = check_number("factor", factor, above=0, below=1)
        self.minimum = check_number("minimum", minimum, minimum=0)

    def on_train_begin(self, logs=None):
        """Checks that the rate can be set."""
        super().on_train_begin(logs)
        check_settable_rate(self, self.model.optimizer)

    def on_plateau(self, epoch):
        """Decays the rate."""
        del epoch
        optimizer = self.model.optimizer
        rate = float(np.asarray(optimizer.learning_rate))
        optimizer.learning_rate = min(rate, max(self.factor * rate, self.minimum))


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
        maximum=None,
        factor=5,
        stream=None,
        monitor="val_loss",
        patience=10,
        mode="auto",
        min_delta=1e-4,
        cooldown=0,
    ):
        super().__init__(monitor, patience, mode, min_delta, cooldown)
        self.maximum = math.inf if maximum is None else check_number("maximum", maximum, minimum=1, integer=True)
        self.factor = check_number("factor", factor, above=1)
        self.stream = stream
        self._trainer = None

    def set_trainer(self, trainer):
        """Is to grow the batch of a `tt.Trainer`."""
        self._trainer = trainer

    def on_train_begin(self, logs=None):
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

    def on_plateau(self, epoch):
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

    def on_train_end(self, logs=None):
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


def _mode_of(monitor):
    if monitor.endswith(_FALLING):
        return "min"
    if monitor.endswith(_RISING):
        return "max"
    raise RequestError(f"mode='auto' does not know whether {monitor!r} is to fall or to rise: say mode='min' or 'max'")

"""The range test: a learning rate that grows with every update, until the loss blows up."""

import math
import os
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tf_tricks.callbacks.model_state import check_settable_rate, put_back, snapshot, state_variables
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("callbacks", "learning_rate_finder", example={"steps": 15, "minimum": 0.0001})
class LearningRateFinder(keras.callbacks.Callback):
    """Tries learning rates from tiny to huge in one short run and suggests one.

    The learning-rate range test of Smith 2017, arXiv:1506.01186: update i of n is made with the rate

        minimum · (maximum / minimum)^(i / (n − 1)),   i = 0 … n − 1

    and its loss is kept, raw and smoothed by a bias-corrected moving average. The run ends after n updates, or as
    soon as the smoothed loss is above `stop_factor` times its best or the loss is not finite. Then the model (batch
    norm's statistics and seed generators included) and the optimizer are put back as they were, bit for bit. The
    suggestion is the rate at which the smoothed loss falls steepest over the logarithm of the rate, as in fastai,
    but set back by the mean age of the losses in the average, by which that lags behind (9 updates for β = 0.9: a
    factor of 3.5 with the defaults). The first tenth, where the average is still noisy, is left out. Where the loss
    falls by no more than chance lets it fall there is no suggestion, and `reason` says so.

    It needs no number of epochs of its own: give `fit` more than enough, such as `epochs=100`; the callback ends it.
    Give it to a `fit` of its own, without a workdir and other callbacks. `find_learning_rate` does that.

    Use it when a model, an optimizer or a data set is new: one run of a hundred updates gives the order of magnitude.

    Avoid it when the rate is known, or for the last factor of two: the test sees the first updates only, and warm-up
    and decay act later. The losses of small batches are noisy: give it more `steps` and a larger `smoothing`.

    Args:
        minimum: the first learning rate, above 0, default 1e-6.
        maximum: the last, above `minimum`, default 1.
        steps: updates n, at least 10, default 100.
        smoothing: β of the moving average, from 0 (none) to below 1, default 0.9.
        stop_factor: the run ends when the smoothed loss is above so many times its best; above 1, default 4.

    Attributes:
        learning_rates: of every update made.
        losses: of every update, as measured.
        smoothed_losses: of every update.

    Raises:
        RequestError: an argument is out of range, or the optimizer holds a schedule.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks import LearningRateFinder
        >>> x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(keras.optimizers.SGD(0.5), "mean_squared_error")
        >>> finder = LearningRateFinder(minimum=1e-3, maximum=100.0, steps=50)
        >>> _ = model.fit(x, 3 * x, batch_size=64, epochs=1000, callbacks=[finder], verbose=0)
        >>> 0.03 < finder.suggestion < 3, len(finder.losses) < 50
        (True, True)
        >>> float(model.optimizer.learning_rate), float(model.layers[0].kernel[0, 0])  # as before
        (0.5, 0.0)
    """

    every_step = True  # `tt.Trainer` then returns to Python after each update

    def __init__(
        self,
        minimum: float = 1e-6,
        maximum: float = 1.0,
        steps: int = 100,
        smoothing: float = 0.9,
        stop_factor: float = 4.0,
    ):
        super().__init__()
        self.minimum = check_number("minimum", minimum, above=0)
        self.maximum = check_number("maximum", maximum, above=minimum)
        self.steps = check_number("steps", steps, minimum=10, integer=True)
        self.smoothing = check_number("smoothing", smoothing, minimum=0, below=1)
        self.stop_factor = check_number("stop_factor", stop_factor, above=1)
        self._trainer = None
        self._forget()

    def schedules(self) -> dict[str, Callable[[float], float]]:
        """Returns the rates of the test, which a `tt.Trainer` follows in place of its schedule."""
        return {"learning_rate": self._rate}

    def set_trainer(self, trainer: Any) -> None:
        """Keeps the state of a `tt.Trainer` as it is now: the run will put its first rate into the optimizer."""
        self._forget()
        self._trainer = trainer
        self._before = snapshot(self._variables(trainer.model))

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Keeps the state as it is now."""
        del logs
        if self._trainer is not None:
            return
        self._forget()
        check_settable_rate(self, self.model.optimizer)
        if self.model.steps_per_execution > 1:
            raise RequestError(
                "LearningRateFinder looks at every single update: compile with steps_per_execution=1, "
                f"not {self.model.steps_per_execution}"
            )
        if not self.model.built:
            raise RequestError(
                f"the model {self.model.name!r} has no weights yet that could be put back: give it a keras.Input"
            )
        self._before = snapshot(self._variables(self.model))

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the rate of this update."""
        del batch, logs
        if self._trainer is None:
            model = self.model
            model.optimizer.learning_rate = self._rate()
            model.reset_metrics()  # Keras shows the mean since the epoch began: let that be this update's loss

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Notes the loss of this update and ends the run when all is known."""
        del batch
        loss = float(logs["loss"])
        self._note(loss)
        best = min(self.smoothed_losses)
        blown_up = self.smoothed_losses[-1] - best > (self.stop_factor - 1) * abs(best)
        if blown_up or not math.isfinite(loss) or len(self.losses) == self.steps:
            self._done = True
            self.model.stop_training = True
            self._restore()  # validation and a checkpoint are to see the model as it was

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Puts everything back."""
        del logs
        self._restore()  # once more: a moving average of the weights has been put into the model in between
        self._before = []
        self._trainer = None
        if not self._done:
            warnings.warn(
                f"the range test has made {len(self.losses)} of its {self.steps} updates, up to a learning rate of "
                f"{max(self.learning_rates, default=0):.3g}: give fit more epochs, the callback ends it",
                stacklevel=2,
            )

    @property
    def suggestion(self) -> float | None:
        """The rate at which the loss falls steepest, or None; `reason` then tells why."""
        return self._search()[0]

    @property
    def reason(self) -> str | None:
        """Why there is no suggestion, in a sentence; None if there is one."""
        return self._search()[1]

    def plot(self, path: str | os.PathLike[str]) -> None:
        """Draws the losses over the learning rate, with a mark at the suggestion.

        Args:
            path: file to write; its ending says the format, such as `.png` or `.svg`.
        """
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.add_subplot(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.plot(self.learning_rates, self.losses, color="0.75", label="loss")
        axes.plot(self.learning_rates, self.smoothed_losses, label="smoothed")
        suggestion, reason = self._search()
        if suggestion is None:
            axes.set_title(reason, fontsize="small", wrap=True)
        else:
            axes.axvline(suggestion, color="tab:red", linestyle="--", label=f"suggestion {suggestion:.2g}")
        if self.losses:
            finite = [v for v in self.smoothed_losses if math.isfinite(v)] or [1.0]
            low, high = min(finite), max(finite[: max(1, self.steps // 10)])
            axes.set_ylim(low - 0.1 * abs(high - low) - 1e-9, high + (high - low) + 1e-9)  # the blow-up would hide all
            axes.legend()
        figure.savefig(path)

    def _forget(self):
        self.learning_rates, self.losses, self.smoothed_losses = [], [], []
        self._average = 0.0
        self._before = []
        self._done = False

    def _note(self, loss):
        self.learning_rates.append(self._rate())
        self.losses.append(loss)
        self._average = self.smoothing * self._average + (1 - self.smoothing) * loss
        self.smoothed_losses.append(self._average / (1 - self.smoothing ** len(self.losses)))

    def _rate(self, epoch=None):
        """The rate of the coming update, whatever the epoch: a schedule for the trainer."""
        del epoch
        return self._rate_of(len(self.losses))

    def _rate_of(self, update):
        return self.minimum * (self.maximum / self.minimum) ** (update / (self.steps - 1))

    def _variables(self, model):
        loss_scale = getattr(self._trainer, "loss_scale", None)
        return state_variables(model) + ([] if loss_scale is None else loss_scale.variables)

    def _restore(self):
        put_back(self._variables(self.model), self._before)

    def _search(self):
        number = int(np.isfinite(self.losses).sum())  # only the last can be another
        first = self.steps // 10
        if number < first + 3:
            return None, (
                f"only {number} updates had a finite loss, too few to see a slope: "
                f"try a minimum below {self.minimum:g}, or look for NaN in the data"
            )
        rates = np.array(self.learning_rates[first:number])
        losses = np.array(self.smoothed_losses[first:number])
        fall = losses[: losses.argmin() + 1]
        fallen = fall[0] - fall > self._noise(number)
        if not fallen[-1]:
            return None, (
                f"the smoothed loss never fell, by more than its noise, "
                f"at rates from {rates[0]:.3g} to {rates[-1]:.3g}: "
                "try another minimum or maximum, or look whether the model can learn these data at all"
            )
        # Before it has fallen for good by more than its noise, a steep slope is noise, too.
        for_good = np.logical_and.accumulate(fallen[::-1])[::-1]
        slopes = np.where(for_good, np.gradient(fall, np.log(rates[: len(fall)])), np.inf)
        steepest = first + int(slopes.argmin())
        ages = np.arange(steepest + 1)
        lag = np.average(ages, weights=self.smoothing**ages)
        return float(self._rate_of(steepest - lag)), None

    def _noise(self, number):
        """How far the smoothed loss falls by chance, less than one test in a hundred; at least what rounding does.

        That is six standard deviations of the smoothed loss, told from the median second difference of the losses,
        which neither a trend nor a blow-up at the end moves.
        """
        second = np.abs(np.diff(self.losses[:number], 2))
        deviation = np.median(second) / 0.6745 / math.sqrt(6)
        return 6 * deviation * math.sqrt((1 - self.smoothing) / (1 + self.smoothing)) + 1e-6 * abs(self.losses[0])


def find_learning_rate(model: keras.Model, *data, batch_size: int | None = None, **range_test) -> LearningRateFinder:
    """Runs the range test on a compiled model and returns the `LearningRateFinder`; the model stays as it was.

    Args:
        model: a compiled `keras.Model`.
        *data: what `model.fit` takes first: inputs and labels, a `tf.data.Dataset`, a `keras.utils.PyDataset`.
        batch_size: examples an update, as in `model.fit`.
        **range_test: arguments of `LearningRateFinder`.

    Returns:
        The `LearningRateFinder`, with its `suggestion`, `learning_rates`, `losses` and `plot`.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks import find_learning_rate
        >>> x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile("sgd", "mean_squared_error")
        >>> 0.01 < find_learning_rate(model, x, 3 * x, maximum=100.0).suggestion < 3
        True
    """
    finder = LearningRateFinder(**range_test)
    model.fit(*data, batch_size=batch_size, epochs=finder.steps, callbacks=[finder], verbose=0)
    return finder

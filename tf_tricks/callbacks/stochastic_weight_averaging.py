"""Stochastic weight averaging."""

from collections.abc import Iterable
from typing import Any

from tf_tricks.callbacks.weight_averaging import WeightAveraging
from tf_tricks.errors import check_number
from tf_tricks.protocols import Stream
from tf_tricks.registry import register


@register("callbacks", "stochastic_weight_averaging", example={"start_epoch": 1})
class StochasticWeightAveraging(WeightAveraging):
    """Averages the weights of the last epochs with equal shares: SWA.

    Izmailov et al. 2018, "Averaging weights leads to wider optima and better generalization", arXiv:1803.05407. With a
    rate that stays high, or goes up and down, SGD wanders around a wide minimum; the mean of the points it visits lies
    nearer to the middle and generalizes better than any of them. After the epochs start_epoch, start_epoch + every, …:

        average ← (n · average + weights) / (n + 1)

    Validation sees the average, with batch norm's statistics made anew from training examples (augmented, in
    `tt.Trainer`), without which its accuracy collapses. Training goes on from its own weights and statistics, bit for
    bit; at the end the average stays in the model.

    Use it when a run has a quarter of its epochs left: hold the rate at about a half of its initial value from there,
    and average each epoch.

    Avoid it when the rate decays to zero by the end: then the last weights hardly differ, and neither does the average.
    Keras's `EarlyStopping(restore_best_weights=True)` and `ModelCheckpoint` act after validation and keep the weights
    that are trained, not the average that was validated; the trainer's `keep_best` keeps the average.

    Config:
        config.callbacks = [dict(name="stochastic_weight_averaging", start_epoch=15)]

    Args:
        start_epoch: the first epoch, counted from 0, whose weights join the average; at least 0.
        every: epochs from one to the next, at least 1, default 1.
        batches: batches of training examples for batch norm's statistics, default 50; never more than one pass.
        batch_size: examples in each of them, default 128.
        data: for plain `fit` and a model with batch norm: a `tt.data.Stream`, a tuple (inputs, labels) of arrays, or an
            iterable of batches. Not needed with `tt.Trainer`.

    Raises:
        RequestError: an argument is out of range; the model has batch norm, and there are no data; the optimizer keeps
            an average itself.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks.stochastic_weight_averaging import StochasticWeightAveraging
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
        >>> visited = keras.callbacks.LambdaCallback(
        ...     on_epoch_end=lambda epoch, logs: weights.append(float(model.layers[0].kernel[0, 0])))
        >>> weights, x = [], np.ones((8, 1))
        >>> _ = model.fit(x, 3 * x, epochs=4, callbacks=[visited, StochasticWeightAveraging(1)], verbose=0)
        >>> bool(np.isclose(model.layers[0].kernel[0, 0], np.mean(weights[1:])))
        True
    """

    def __init__(
        self,
        start_epoch: int,
        every: int = 1,
        batches: int = 50,
        batch_size: int = 128,
        data: Stream | Iterable[Any] | None = None,
    ):
        super().__init__(batches, batch_size, data)
        self.start_epoch = check_number("start_epoch", start_epoch, minimum=0, integer=True)
        self.every = check_number("every", every, minimum=1, integer=True)
        self._epoch, self._joined = 0, None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts without an average."""
        super().on_train_begin(logs)
        self._joined = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch."""
        del logs
        self._epoch = epoch

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Lets the weights join before they are validated: Keras validates first and ends the epoch then."""
        if self._variables:  # none outside of training
            self._join()
        super().on_test_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Lets the weights join, where there was no validation."""
        del epoch, logs
        self._join()

    def get_state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return super().get_state() | {"epoch": self._epoch, "joined": self._joined}

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts the state of `get_state` back."""
        super().set_state(state)
        self._epoch, self._joined = state["epoch"], state["joined"]

    def _join(self):
        since = self._epoch - self.start_epoch
        if self._joined != self._epoch and since >= 0 and since % self.every == 0:
            self.add(1 / (self.count + 1))
            self._joined = self._epoch

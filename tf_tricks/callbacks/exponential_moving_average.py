"""The exponential moving average of the weights."""

import math
from collections.abc import Iterable
from typing import Any

from tf_tricks.callbacks.weight_averaging import WeightAveraging
from tf_tricks.errors import RequestError, check_number
from tf_tricks.protocols import Stream
from tf_tricks.registry import register


@register("callbacks", "exponential_moving_average", example={"momentum": 0.9})
class ExponentialMovingAverage(WeightAveraging):
    """Averages the weights of all updates with shares that fade into the past: EMA.

    Polyak & Juditsky 1992, in the exponential form of Tarvainen & Valpola 2017, arXiv:1703.01780. After update n, with
    momentum m:

        average ← average + (1 − m)/(1 − mⁿ) · (weights − average)

    The divisor is the bias correction of Adam: from the first update on it is a mean over the updates made, in which
    the random weights of the start have no part. Keras's `use_ema=True` has none, and the first update keeps the share
    mⁿ⁻¹.

    Validation sees the average, with batch norm's statistics made anew from training examples (augmented, in
    `tt.Trainer`); training goes on from its own weights and statistics, bit for bit; at the end the average stays in
    the model.

    Use it when validation jumps up and down from epoch to epoch, or the rate does not decay: it smooths as a decay
    would. The average spans about 1/(1 − m) updates, which should be some epochs at most.

    Avoid it when the rate decays to zero, which averages as well. For a model without batch norm the optimizer's own
    `use_ema=True` costs less in `tt.Trainer`: this callback makes it return to Python after each update. Keras's
    `EarlyStopping(restore_best_weights=True)` and `ModelCheckpoint` act after validation and keep the weights that are
    trained, not the average that was validated; the trainer's `keep_best` keeps the average.

    Config:
        config.callbacks = [dict(name="exponential_moving_average", momentum=0.999)]

    Args:
        momentum: m, from 0 (the last weights) to below 1, default 0.999.
        batches: batches of training examples for batch norm's statistics, default 50; never more than one pass.
        batch_size: examples in each of them, default 128.
        data: for plain `fit` and a model with batch norm: a `tt.data.Stream`, a tuple (inputs, labels) of arrays, or an
            iterable of batches. Not needed with `tt.Trainer`.

    Raises:
        RequestError: an argument is out of range; the model has batch norm, and there are no data; the optimizer keeps
            an average itself.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks.exponential_moving_average import ExponentialMovingAverage
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.set_weights([np.array([[0.0]])])
        >>> model.compile(keras.optimizers.SGD(0.25), "mean_squared_error")
        >>> x = np.ones((8, 1))  # each update goes half of the way to 3: 1.5, 2.25
        >>> _ = model.fit(x, 3 * x, epochs=2, callbacks=[ExponentialMovingAverage(0.5)], verbose=0)
        >>> float(model.layers[0].kernel[0, 0])  # (0.5 · 1.5 + 1 · 2.25) / 1.5
        2.0
    """

    every_step = True  # `tt.Trainer` then returns to Python after each update

    def __init__(
        self,
        momentum: float = 0.999,
        batches: int = 50,
        batch_size: int = 128,
        data: Stream | Iterable[Any] | None = None,
    ):
        super().__init__(batches, batch_size, data)
        self.momentum = check_number("momentum", momentum, minimum=0, below=1)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts without an average."""
        super().on_train_begin(logs)
        if self._trainer is None and self.model.steps_per_execution > 1:
            raise RequestError(
                "ExponentialMovingAverage averages over single updates: compile with steps_per_execution=1, "
                f"not {self.model.steps_per_execution}"
            )

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Lets the weights of this update join, unless it was the one that diverged."""
        del batch
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            return
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # during an epoch the weights live outside the model
        self.add((1 - self.momentum) / (1 - self.momentum ** (self.count + 1)))

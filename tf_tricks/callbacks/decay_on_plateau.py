"""Learning-rate decay when a metric has stopped improving."""

from typing import Any

import numpy as np

from tf_tricks.callbacks.model_state import check_settable_rate
from tf_tricks.callbacks.plateau import Plateau
from tf_tricks.errors import check_number
from tf_tricks.registry import register


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
        factor: float = 0.1,
        minimum: float = 0.0,
        monitor: str = "val_loss",
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
    ):
        super().__init__(monitor, patience, mode, min_delta, cooldown)
        self.factor = check_number("factor", factor, above=0, below=1)
        self.minimum = check_number("minimum", minimum, minimum=0)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Checks that the rate can be set."""
        super().on_train_begin(logs)
        check_settable_rate(self, self.model.optimizer)

    def on_plateau(self, epoch: int) -> None:
        """Decays the rate."""
        del epoch
        optimizer = self.model.optimizer
        rate = float(np.asarray(optimizer.learning_rate))
        optimizer.learning_rate = min(rate, max(self.factor * rate, self.minimum))

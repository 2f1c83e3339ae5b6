"""Trains one network again and again, from other weights and at other rates, and compiles it as rarely as can be."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import tf_tricks as tt
from tf_tricks.errors import RunError
from tf_tricks.seeds import seed_states
from tf_tricks.training import state


class Runs:
    """Runs of one shape: the network, the optimizer and the batch size are the same in all of them.

    A step is compiled for its data and for the seed of their order: those that follow each other with the same data and
    the same seed share it. So let the seeds be the outer loop, and rates the inner one.

    Args:
        build: function of nothing that makes the model, with weights drawn from Keras's global seed.
        **arguments: of `tf_tricks.Trainer`.

    Attributes:
        trainer: the `Trainer`, with the model of the last run.

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1, 1, 32, dtype="float32")[:, None]
        >>> build = lambda: keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> runs = Runs(build, loss="mean_squared_error", optimizer="sgd", batch_size=8)
        >>> losses = [runs.train((x, 3 * x), 20, seed=0, learning_rate=rate)["loss"][-1] for rate in (0.1, 0.001)]
        >>> losses[0] < losses[1]
        True
        >>> runs.train((x, 3 * x), 20, seed=0, learning_rate=1e6) is None  # it diverges
        True
    """

    def __init__(self, build: Callable[[], keras.Model], **arguments: Any):
        self._build = build
        self.trainer = tt.Trainer(build(), **arguments)
        self._streams = _Last(lambda data, seed: tt.data.Stream(tt.data.as_source(data), seed=seed))
        self._sources = _Last(tt.data.as_source)
        self._start = {key: np.copy(value) for key, value in state.variable_arrays(self._variables()).items()}

    def train(
        self,
        data: Any,
        epochs: float,
        seed: int,
        learning_rate: Any = None,
        validation: Any = None,
        callbacks: Any = (),
        order: int | None = None,
    ) -> dict[str, list[float]] | None:
        """Returns the history of a run, or None if its loss was no longer finite.

        Args:
            data: arrays (inputs, labels), or a `tf_tricks.data` source.
            epochs: how long.
            seed: of the initial weights, the order of the examples and all that is drawn.
            learning_rate: a number or a schedule, or None for the trainer's.
            validation: as of `Trainer.fit`.
            callbacks: likewise.
            order: seed of the order of the examples, or None for `seed`; runs of one order share the compiled step.
        """
        self.restart(seed)
        if learning_rate is not None:
            self.trainer.learning_rate = tt.schedules.get(learning_rate)
        try:
            stream = self._streams(data, seed if order is None else order)
            fitted = self.trainer.fit(stream, epochs, validation, callbacks=list(callbacks), verbose=0)
        except RunError:
            return None
        return {name: [float(value) for value in values] for name, values in fitted.history.items()}

    def evaluate(self, data: Any) -> dict[str, float]:
        """Returns loss and metrics of the model of the last run, as `Trainer.evaluate`."""
        return self.trainer.evaluate(self._sources(data))

    def restart(self, seed: int) -> None:
        """Gives the model the weights and the masks of a seed, and the optimizer the state that it began with."""
        keras.utils.set_random_seed(seed)
        drawn = self._build()
        state.assign_variables(self._variables(), self._start)
        self.trainer.model.set_weights(drawn.get_weights())
        for variable, value in zip(seed_states(self.trainer.model), seed_states(drawn), strict=True):
            variable.assign(value)

    def _variables(self):
        return state.variable_groups(self.trainer, seed_states(self.trainer.model), metrics=[])


class _Last:
    """A function that gives the same object again where its arguments are the very same as the last time."""

    def __init__(self, function):
        self._function, self._arguments, self._result = function, None, None

    def __call__(self, *arguments):
        known = self._arguments or ()
        if len(known) != len(arguments) or any(one is not other for one, other in zip(known, arguments)):
            self._arguments, self._result = arguments, self._function(*arguments)
        return self._result

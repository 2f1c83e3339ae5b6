"""Averages of the weights along the way, with batch norm's statistics made anew for them."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.callbacks.model_state import put_back, snapshot
from tf_tricks.callbacks.training_batches import num_examples, training_batches
from tf_tricks.errors import RequestError, check_number
from tf_tricks.layers.batch_norm_statistics import recompute_batch_norm
from tf_tricks.protocols import Stream


class WeightAveraging(keras.callbacks.Callback):
    """Keeps an average of the trainable weights, validates it, and leaves it in the model at the end: a base class.

    A subclass calls `add(share)` when the weights of now are to join the average.

    Args:
        batches: batches of training examples from which batch norm's statistics are made anew, at least 1; never more
            than one pass.
        batch_size: examples in each of them, at least 1; all examples if there are fewer.
        data: for plain `fit` and a model with batch norm: a `tt.data.Stream`, a tuple (inputs, labels) of arrays, or an
            iterable of batches that can be iterated anew. Not needed with `tt.Trainer`.

    Attributes:
        count: how often weights have joined the average.

    Raises:
        RequestError: an argument is out of range; the model has batch norm, and there are no data.
    """

    _variables: list[Any]
    _averages: list[Any]

    def __init__(self, batches: int, batch_size: int, data: Stream | Iterable[Any] | None):
        super().__init__()
        self.batches = check_number("batches", batches, minimum=1, integer=True)
        self.batch_size = check_number("batch_size", batch_size, minimum=1, integer=True)
        self.data = data
        self.count = 0
        self._trainer = None
        self._variables, self._averages = [], []
        self._trained: list[Any] = []  # what the model had before the averages were lent to it

    def set_trainer(self, trainer: Any) -> None:
        """Notes the `tt.Trainer`, which has the data."""
        self._trainer = trainer

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Starts without an average."""
        del logs
        model, kind = self.model, type(self).__name__
        if not model.built:
            raise RequestError(f"the model {model.name!r} has no weights yet to average: give it a keras.Input")
        if getattr(model.optimizer, "inner_optimizer", model.optimizer).use_ema:
            raise RequestError(f"the optimizer keeps an average of the weights (use_ema=True), and {kind} does, too")
        layers = model._flatten_layers()
        self._has_batch_norm = any(isinstance(layer, keras.layers.BatchNormalization) for layer in layers)
        if self._has_batch_norm and self._trainer is None and self.data is None:
            raise RequestError(
                f"{kind} needs training examples for batch norm's statistics: in plain fit give it "
                "data=(inputs, labels) or a tt.data.Stream"
            )
        self._variables = list(model.trainable_variables)
        self.count, self._averages, self._trained = 0, [], []

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Lends the averages to the model."""
        del logs
        if self.count:
            self._trained = snapshot(self.model.variables)
            self._put_in()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Puts the weights and statistics that are trained back, bit for bit."""
        del logs
        if self._trained:
            put_back(self.model.variables, self._trained)
        self._trained = []

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves the averages in the model."""
        del logs
        if self.count:
            self._put_in()
        self.count, self._variables, self._averages = (
            0,
            [],
            [],
        )  # an evaluation after training is not to lend them again

    def add(self, share: float) -> None:
        """Moves the average towards the weights of now: average ← average + share · (weights − average)."""
        self.count += 1
        if self.count == 1:
            # A copy: Keras on JAX reuses the memory of the weights.
            self._averages = [ops.convert_to_tensor(np.array(v), _precise(v)) for v in self._variables]
            return
        # In this form weights that do not change, such as frozen ones, stay what they are to the last bit.
        self._averages = [a + share * (ops.cast(v, a.dtype) - a) for a, v in zip(self._averages, self._variables)]

    def get_state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return {"count": self.count, "averages": [ops.convert_to_numpy(a) for a in self._averages]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts the state of `get_state` back."""
        self.count = state["count"]
        self._averages = [ops.convert_to_tensor(a) for a in state["averages"]]

    def _put_in(self):
        for variable, average in zip(self._variables, self._averages):
            variable.assign(np.array(average))  # a copy, for the same reason as in `add`
        if self._has_batch_norm:
            recompute_batch_norm(self.model, self._training_batches())

    def _training_batches(self):
        """The same ones each time."""
        data = self.data if self._trainer is None else self._trainer.run.stream
        size, number, examples = int(self.batch_size), int(self.batches), num_examples(data)
        if examples is not None:
            size = min(size, examples)
            number = min(number, examples // size)
        return training_batches(data, size, number)


def _precise(variable):
    """The dtype of a variable's average, float32 at least."""
    return "float32" if variable.dtype in ("float16", "bfloat16") else variable.dtype

"""Averages of the weights along the way, with batch norm's statistics made anew for them."""

import math

import keras
import numpy as np
from keras import ops

from tf_tricks.callbacks.model_state import put_back, snapshot
from tf_tricks.callbacks.training_batches import num_examples, training_batches
from tf_tricks.errors import RequestError, check_number
from tf_tricks.layers.batch_norm_statistics import recompute_batch_norm
from tf_tricks.registry import register


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

    def __init__(self, batches, batch_size, data):
        super().__init__()
        self.batches = check_number("batches", batches, minimum=1, integer=True)
        self.batch_size = check_number("batch_size", batch_size, minimum=1, integer=True)
        self.data = data
        self.count = 0
        self._trainer = None
        self._variables, self._averages = [], []
        self._trained = []  # what the model had before the averages were lent to it

    def set_trainer(self, trainer):
        """Notes the `tt.Trainer`, which has the data."""
        self._trainer = trainer

    def on_train_begin(self, logs=None):
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

    def on_test_begin(self, logs=None):
        """Lends the averages to the model."""
        del logs
        if self.count:
            self._trained = snapshot(self.model.variables)
            self._put_in()

    def on_test_end(self, logs=None):
        """Puts the weights and statistics that are trained back, bit for bit."""
        del logs
        if self._trained:
            put_back(self.model.variables, self._trained)
        self._trained = []

    def on_train_end(self, logs=None):
        """Leaves the averages in the model."""
        del logs
        if self.count:
            self._put_in()
        self.count, self._variables, self._averages = (
            0,
            [],
            [],
        )  # an evaluation after training is not to lend them again

    def add(self, share):
        """Moves the average towards the weights of now: average ← average + share · (weights − average)."""
        self.count += 1
        if self.count == 1:
            # A copy: Keras on JAX reuses the memory of the weights.
            self._averages = [ops.convert_to_tensor(np.array(v), _precise(v)) for v in self._variables]
            return
        # In this form weights that do not change, such as frozen ones, stay what they are to the last bit.
        self._averages = [a + share * (ops.cast(v, a.dtype) - a) for a, v in zip(self._averages, self._variables)]

    def get_state(self):
        """Returns what a checkpoint keeps."""
        return {"count": self.count, "averages": [ops.convert_to_numpy(a) for a in self._averages]}

    def set_state(self, state):
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
    that are trained, not the average that was validated.

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
        >>> from tf_tricks.callbacks.weight_averaging import StochasticWeightAveraging
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
        >>> visited = keras.callbacks.LambdaCallback(
        ...     on_epoch_end=lambda epoch, logs: weights.append(float(model.layers[0].kernel[0, 0])))
        >>> weights, x = [], np.ones((8, 1))
        >>> _ = model.fit(x, 3 * x, epochs=4, callbacks=[visited, StochasticWeightAveraging(1)], verbose=0)
        >>> bool(np.isclose(model.layers[0].kernel[0, 0], np.mean(weights[1:])))
        True
    """

    def __init__(self, start_epoch, every=1, batches=50, batch_size=128, data=None):
        super().__init__(batches, batch_size, data)
        self.start_epoch = check_number("start_epoch", start_epoch, minimum=0, integer=True)
        self.every = check_number("every", every, minimum=1, integer=True)
        self._epoch, self._joined = 0, None

    def on_train_begin(self, logs=None):
        """Starts without an average."""
        super().on_train_begin(logs)
        self._joined = None

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        del logs
        self._epoch = epoch

    def on_test_begin(self, logs=None):
        """Lets the weights join before they are validated: Keras validates first and ends the epoch then."""
        if self._variables:  # none outside of training
            self._join()
        super().on_test_begin(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Lets the weights join, where there was no validation."""
        del epoch, logs
        self._join()

    def get_state(self):
        """Returns what a checkpoint keeps."""
        return super().get_state() | {"epoch": self._epoch, "joined": self._joined}

    def set_state(self, state):
        """Puts the state of `get_state` back."""
        super().set_state(state)
        self._epoch, self._joined = state["epoch"], state["joined"]

    def _join(self):
        since = self._epoch - self.start_epoch
        if self._joined != self._epoch and since >= 0 and since % self.every == 0:
            self.add(1 / (self.count + 1))
            self._joined = self._epoch


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
    trained, not the average that was validated.

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
        >>> from tf_tricks.callbacks.weight_averaging import ExponentialMovingAverage
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        >>> model.set_weights([np.array([[0.0]])])
        >>> model.compile(keras.optimizers.SGD(0.25), "mean_squared_error")
        >>> x = np.ones((8, 1))  # each update goes half of the way to 3: 1.5, 2.25
        >>> _ = model.fit(x, 3 * x, epochs=2, callbacks=[ExponentialMovingAverage(0.5)], verbose=0)
        >>> float(model.layers[0].kernel[0, 0])  # (0.5 · 1.5 + 1 · 2.25) / 1.5
        2.0
    """

    every_step = True  # `tt.Trainer` then returns to Python after each update

    def __init__(self, momentum=0.999, batches=50, batch_size=128, data=None):
        super().__init__(batches, batch_size, data)
        self.momentum = check_number("momentum", momentum, minimum=0, below=1)

    def on_train_begin(self, logs=None):
        """Starts without an average."""
        super().on_train_begin(logs)
        if self._trainer is None and self.model.steps_per_execution > 1:
            raise RequestError(
                "ExponentialMovingAverage averages over single updates: compile with steps_per_execution=1, "
                f"not {self.model.steps_per_execution}"
            )

    def on_train_batch_end(self, batch, logs=None):
        """Lets the weights of this update join, unless it was the one that diverged."""
        del batch
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            return
        if hasattr(self.model, "jax_state_sync"):
            self.model.jax_state_sync()  # during an epoch the weights live outside the model
        self.add((1 - self.momentum) / (1 - self.momentum ** (self.count + 1)))


def _precise(variable):
    """The dtype of a variable's average, float32 at least."""
    return "float32" if variable.dtype in ("float16", "bfloat16") else variable.dtype

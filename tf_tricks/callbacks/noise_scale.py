"""The noise scale of the gradient, measured while a model trains."""

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks import schedules
from tf_tricks.annotations import Tensor
from tf_tricks.callbacks.training_batches import num_examples, training_batches
from tf_tricks.errors import RequestError, check_number
from tf_tricks.gradients import Gradients, one_loss
from tf_tricks.protocols import Stream
from tf_tricks.registry import register
from tf_tricks.seeds import seed_states


def noise_scale_estimate(
    small_norms_squared: float | Sequence[float] | Tensor, big_norm_squared: float, small: int, big: int
) -> tuple[float, float]:
    """Returns unbiased estimates of the gradient's squared norm and of its noise, from gradients of two batch sizes.

    A batch of B independent examples has a gradient with E|G_B|² = |G|² + tr(Σ)/B, where G is the true gradient and Σ
    the covariance of the gradients of single examples. Two sizes give both:

        |G|² = (big · |G_big|² − small · |G_small|²) / (big − small)
        tr(Σ) = (|G_small|² − |G_big|²) / (1/small − 1/big)

    Their ratio is the simple noise scale tr(Σ)/|G|²; average both over many estimates before dividing, since the ratio
    itself is biased. McCandlish et al. 2018, arXiv:1812.06162, appendix A.1.

    Args:
        small_norms_squared: |G_small|², one number or those of several batches, which are averaged.
        big_norm_squared: |G_big|².
        small: examples in a small batch.
        big: examples in the big one; more than `small`.

    Returns:
        The pair (|G|², tr(Σ)) of floats; by chance either may come out negative.

    Raises:
        RequestError: `big` is not more than `small`.

    Example:
        >>> noise_scale_estimate([3.0, 5.0], 2.5, small=1, big=2)
        (1.0, 3.0)
    """
    check_number("small", small, above=0)
    check_number("big", big, above=small)
    small_norm_squared = float(np.mean(small_norms_squared))
    gradient_norm_squared = (big * big_norm_squared - small * small_norm_squared) / (big - small)
    trace = (small_norm_squared - big_norm_squared) / (1 / small - 1 / big)
    return float(gradient_norm_squared), float(trace)


@register("callbacks", "noise_scale", example={"batch_size": 4, "num_batches": 3})
class NoiseScale(keras.callbacks.Callback):
    """Measures the noise scale of the gradient: the batch size up to which larger batches pay.

    McCandlish et al. 2018, "An empirical model of large-batch training", arXiv:1812.06162. With G the true gradient and
    Σ the covariance of the gradients of single examples, the simple noise scale is:

        B_simple = tr(Σ) / |G|²

    A batch much smaller than B_simple has mostly noise in its gradient, and twice the batch needs half the updates; a
    much larger one wastes examples. After each epoch the callback takes the gradients of `num_batches` small batches
    and that of all of them together, makes of them the unbiased estimates of `noise_scale_estimate`, and divides their
    moving averages. The logs of the epoch (and so the `History`) get `noise_scale_measured`, in examples, and beside it
    `noise_scale_predicted`, the noise scale of SGD with the rate η, momentum m and batch size b of that epoch, in units
    of the learning rate, which is another quantity: g = η/(1 − m) · (N/b − 1), Smith & Le 2018, arXiv:1710.06451.

    Training goes on as if the callback was not there, bit for bit. Dropout draws a mask of its own for each batch. In
    `tt.Trainer` the small batches are the coming ones of the stream, augmented; its `l2` is not part of the gradient,
    and with `use_ema` the gradient is that at the averaged weights.

    Use it when you choose a batch size, or want to know when to grow it: the noise scale rises while the loss falls.

    Avoid it when an epoch is short: each measurement costs num_batches forward and backward passes. With batch norm it
    is an approximation, since the examples of a batch are not independent.

    Config:
        config.callbacks = [dict(name="noise_scale", batch_size=32, num_batches=16)]

    Args:
        batch_size: examples in a small batch, at least 1, default 32.
        num_batches: how many small batches make the big one, at least 2, default 16.
        every: epochs from one measurement to the next, at least 1, default 1; the first is after the first epoch.
        data: for plain `fit`: a `tt.data.Stream`, a tuple (inputs, labels) of arrays, or an iterable of batches, all of
            one size. Not needed with `tt.Trainer`.
        loss: a Keras loss, by default the one that the model is trained with.
        smoothing: β of the moving averages, from 0 (none) to below 1, default 0.9.

    Attributes:
        measured: B_simple, or None before the first measurement; infinite where the noise hides the gradient.
        predicted: g, or None where N and b are not known (plain `fit` without a `tt.data.Stream`).
        gradient_norm_squared: moving average of |G|².
        trace: moving average of tr(Σ).

    Raises:
        RequestError: an argument is out of range; there are no data, or no loss.

    Example:
        >>> import keras, numpy as np
        >>> from tf_tricks.callbacks.noise_scale import NoiseScale
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(512, 1)).astype("float32")
        >>> y = 3 * x + rng.normal(size=(512, 1)).astype("float32")
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(keras.optimizers.SGD(0.05), "mean_squared_error")
        >>> noise = NoiseScale(batch_size=8, num_batches=32, data=(x, y), smoothing=0.0)
        >>> history = model.fit(x, y, epochs=3, callbacks=[noise], verbose=0).history
        >>> history["noise_scale_measured"][0] < history["noise_scale_measured"][-1]  # it rises while the loss falls
        True
    """

    _trained_size: int | None

    def __init__(
        self,
        batch_size: int = 32,
        num_batches: int = 16,
        every: int = 1,
        data: Stream | Iterable[Any] | None = None,
        loss: keras.losses.Loss | Callable[..., Any] | str | None = None,
        smoothing: float = 0.9,
    ):
        super().__init__()
        self.batch_size = check_number("batch_size", batch_size, minimum=1, integer=True)
        self.num_batches = check_number("num_batches", num_batches, minimum=2, integer=True)
        self.every = check_number("every", every, minimum=1, integer=True)
        self.smoothing = check_number("smoothing", smoothing, minimum=0, below=1)
        self.data = data
        self.loss = loss
        self._trainer = None
        self._forget()

    def set_trainer(self, trainer: Any) -> None:
        """Notes the `tt.Trainer`, which has data, loss and batch size."""
        self._trainer = trainer

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Looks for data and loss."""
        del logs
        self._forget()
        data = self._data()
        if data is None:
            raise RequestError(
                f"{type(self).__name__} has no examples to measure with: in plain fit give it data=(inputs, labels) "
                "or a tt.data.Stream"
            )
        if (number := num_examples(data)) is not None and self.batch_size > number:
            raise RequestError(f"a small batch of {self.batch_size} is larger than the {number} examples there are")
        self._gradients = Gradients(self.model, one_loss(type(self).__name__, self.loss, self.model))

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the batch size of this update."""
        del batch, logs
        if self._trainer is not None:
            self._trained_size = self._trainer.run.batch_size
        else:
            self._trained_size = getattr(self.data, "batch_size", None)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures, and adds to the logs."""
        if epoch % self.every == 0:
            self._measure(epoch)
        self.predicted = self._predict()
        if logs is not None:
            for name, value in [("measured", self.measured), ("predicted", self.predicted)]:
                if value is not None:
                    logs[f"noise_scale_{name}"] = value

    @property
    def measured(self) -> float | None:
        """B_simple, or None before the first measurement."""
        if not self.count:
            return None
        if self.trace <= 0:
            return 0.0
        return self.trace / self.gradient_norm_squared if self.gradient_norm_squared > 0 else math.inf

    def get_state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        names = ("count", "gradient_norm_squared", "trace", "predicted", "_trained_size")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts the state of `get_state` back."""
        self.__dict__.update(state)

    def _forget(self):
        self.count, self.gradient_norm_squared, self.trace = 0, 0.0, 0.0
        self.predicted, self._trained_size = None, None

    def _data(self):
        return self.data if self._trainer is None else self._trainer.run.stream

    def _measure(self, epoch):
        data = self._data()
        if self._trainer is not None:
            start = self._trainer.run.progress.examples_seen
        else:
            start = getattr(data, "examples_seen", epoch * self.batch_size * self.num_batches)
        batches = training_batches(data, self.batch_size, self.num_batches, start)
        norms, big_norm, small = self._norms_squared(batches)
        if len(norms) < 2:
            raise RequestError(
                f"{type(self).__name__} needs at least two batches of one size, and data has {len(norms)}"
            )
        gradient_norm_squared, trace = noise_scale_estimate(norms, big_norm, small, small * len(norms))
        self.count += 1
        share = (1 - self.smoothing) / (1 - self.smoothing**self.count)  # a moving average that does not start at 0
        self.gradient_norm_squared += share * (gradient_norm_squared - self.gradient_norm_squared)
        self.trace += share * (trace - self.trace)

    def _norms_squared(self, batches):
        """Returns |G|² of each batch and of all together, and the examples in a batch."""
        norms, total, small = [], None, None
        with _seeds_lent(self.model) as draw_anew:
            for inputs, labels in batches:
                small = len(labels) if small is None else small
                if len(labels) != small:
                    continue  # the rest at the end of an epoch
                draw_anew()
                _, gradients = self._gradients(inputs, labels)
                norms.append(_norm_squared(gradients))
                total = gradients if total is None else [a + b for a, b in zip(total, gradients)]
        return norms, (_norm_squared(total) / len(norms) ** 2 if norms else 0.0), small

    def _predict(self):
        number = num_examples(self._data())
        if number is None or number < 2 or self._trained_size is None:
            return None
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        momentum = float(getattr(optimizer, "momentum", 0.0) or 0.0)
        rate = float(ops.convert_to_numpy(optimizer.learning_rate))
        return schedules.noise_scale_of(rate, int(self._trained_size), number, momentum)


@contextlib.contextmanager
def _seeds_lent(model):
    """Gives a function that moves all seed generators on, so that each batch has its own mask; then puts them back."""
    states = seed_states(model)
    before = [np.array(state) for state in states]

    def draw_anew():
        for state in states:
            seed = np.array(state)
            seed[-1:] += 2**16  # wraps around
            state.assign(seed)

    try:
        yield draw_anew
    finally:
        for state, value in zip(states, before):
            state.assign(value)


def _norm_squared(gradients):
    return sum(float(ops.sum(ops.square(ops.cast(g, "float32")))) for g in gradients)

"""A batch size that follows the measured noise scale of the gradient."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras

from tf_tricks import schedules
from tf_tricks.callbacks.noise_scale import NoiseScale
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("callbacks", "adaptive_batch_size", example={"minimum": 8, "maximum": 32})
class AdaptiveBatchSize(keras.callbacks.Callback):
    """Lets the batch size follow the noise scale of the gradient as it is measured.

    McCandlish et al. 2018, arXiv:1812.06162: up to about the simple noise scale B_simple = tr(Σ)/|G|², larger batches
    save updates and cost few examples; and B_simple rises during training, mostly ten times or more. Training begins
    with the smallest batch; after each epoch in which `NoiseScale` has measured B_simple:

        batch = minimum · 2^k,   k = round(log₂(factor · B_simple / minimum))

    at least `minimum` and at most `maximum`. Powers of two, so that few steps need compiling and replicas and
    micro-batches still divide the batch.

    The learning rate stays on its schedule. SGD's noise scale η/(1 − m) · (N/b − 1) then falls as the batch grows, so
    growth acts like a decay of the rate (Smith et al. 2018, arXiv:1711.00489): give a constant rate, or one that decays
    less than without. To keep that noise the rate would have to grow with the batch, η ∝ b (Goyal et al. 2017,
    arXiv:1706.02677), up to the rate at which training turns unstable.

    Use it when you have devices that large batches would fill, and no schedule of the batch size that is known to work.

    Avoid it when runs are to be compared or repeated: the batch size depends on a noisy measurement. `schedules.grow`
    is the same in each run.

    Config:
        config.callbacks = [dict(name="adaptive_batch_size", minimum=64, maximum=4096)]

    Args:
        minimum: the smallest batch, a multiple of the replicas; at least 1.
        maximum: no batch is larger; at least `minimum`, at most all examples.
        factor: batch size in units of B_simple, above 0, default 1.
        stream: the `tt.data.Stream` that plain `fit` reads (with `shuffle=False`), made with batch_size=minimum, for
            `fit` counts its batches only once; when the batch grows it warns that the data ran out, which is the end of
            the shorter epoch and does no harm. Not needed with `tt.Trainer`.
        noise_scale: a `NoiseScale`, or a dict of its arguments; by default 16 small batches of `minimum` examples.

    Attributes:
        noise_scale: the `NoiseScale`, with what it has measured.

    Raises:
        RequestError: an argument is out of range, or a batch could not be trained.

    Example:
        >>> from tf_tricks.callbacks.adaptive_batch_size import AdaptiveBatchSize
        >>> adaptive = AdaptiveBatchSize(minimum=32, maximum=300)
        >>> [adaptive.batch_size_for(noise_scale) for noise_scale in (1.0, 90.0, 91.0, 1e6)]
        [32, 64, 128, 256]
    """

    def __init__(
        self,
        minimum: int,
        maximum: int,
        factor: float = 1.0,
        stream: Any = None,
        noise_scale: NoiseScale | Mapping[str, Any] | None = None,
    ):
        super().__init__()
        self.minimum = check_number("minimum", minimum, minimum=1, integer=True)
        self.maximum = check_number("maximum", maximum, minimum=minimum, integer=True)
        self.factor = check_number("factor", factor, above=0)
        self.stream = stream
        if not isinstance(noise_scale, NoiseScale):
            noise_scale = NoiseScale(**{"batch_size": int(minimum), "data": stream} | dict(noise_scale or {}))
        self.noise_scale = noise_scale
        self._trainer = None
        self._size = int(minimum)

    def batch_size_for(self, noise_scale: float) -> int:
        """Returns the batch size for a noise scale B_simple."""
        sizes = self._sizes()
        wanted = self.factor * noise_scale / self.minimum
        if wanted <= 1:
            return sizes[0]
        return sizes[round(min(math.log2(wanted), len(sizes) - 1))]

    def schedules(self) -> dict[str, Callable[[float], float]]:
        """Returns the batch size with which a `tt.Trainer` begins, in place of its own schedule."""
        return {"batch_size": schedules.get(int(self.minimum))}

    def set_trainer(self, trainer: Any) -> None:
        """Is to set the batch size of a `tt.Trainer`."""
        self._trainer = trainer
        self.noise_scale.set_trainer(trainer)

    def set_model(self, model: keras.Model) -> None:
        """Hands the model on."""
        super().set_model(model)
        self.noise_scale.set_model(model)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Checks every batch size that may come."""
        if self._trainer is None and self.stream is None:
            raise RequestError(
                "AdaptiveBatchSize sets the batch size of a tt.data.Stream: in plain fit give it stream="
            )
        self._size = int(self.minimum)
        if self._trainer is None:
            check_number("maximum", self.maximum, maximum=self.stream.source.num_examples)
            if self.stream.batch_size != self._size:
                raise RequestError(
                    f"fit would cut the epochs short, for it has counted batches of {self.stream.batch_size}: "
                    f"make the stream with batch_size={self._size}, the minimum"
                )
        else:
            for size in reversed(self._sizes()):
                self._trainer.run.batch_size = size
        self.noise_scale.on_train_begin(logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the batch size of the stream, which has to stay the same until its epoch has ended."""
        del epoch, logs
        if self._trainer is None:
            self.stream.batch_size = self._size
            self.params["steps"] = len(self.stream)  # one dict for all callbacks: others read it

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Hands the call on."""
        self.noise_scale.on_train_batch_begin(batch, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Measures and chooses the next batch size."""
        self.noise_scale.on_epoch_end(epoch, logs)
        if self.noise_scale.measured is not None:
            self._size = self.batch_size_for(self.noise_scale.measured)
        if self._trainer is not None:
            self._trainer.run.batch_size = self._size

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Leaves the stream as it was, for a second run."""
        del logs
        if self._trainer is None:
            self.stream.batch_size = int(self.minimum)

    def get_state(self) -> dict[str, Any]:
        """Returns what a checkpoint keeps."""
        return self.noise_scale.get_state()  # the batch size itself is kept by the trainer

    def set_state(self, state: dict[str, Any]) -> None:
        """Puts the state of `get_state` back."""
        self.noise_scale.set_state(state)

    def _sizes(self):
        doublings = int(math.log2(self.maximum / self.minimum))
        return [int(self.minimum) << k for k in range(doublings + 1)]

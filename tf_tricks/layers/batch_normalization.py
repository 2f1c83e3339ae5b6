"""Batch normalization whose statistics are those of the whole batch, of each replica's part, or of small groups."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.registry import register

MODES = ("synchronized", "per_replica", "ghost")


@register("layers", "batch_normalization", example={"mode": "ghost", "ghost_size": 4})
@keras.saving.register_keras_serializable("tf_tricks")
class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization, over all replicas, on each replica, or in ghost batches.

    In training each channel is standardized by the mean μ and the variance σ² of the examples at hand, then scaled and
    shifted; at inference by moving averages of them:

        y = γ (x − μ) / √(σ² + ε) + β
        moving ← momentum · moving + (1 − momentum) · (μ, σ²)

    The three modes say whose statistics μ and σ² are. `synchronized`: the whole batch, over all replicas, so that any
    number of replicas gives what one device gives. `per_replica`: each replica's share; in a program of JAX that is
    sharded over devices a mean is always the whole array's, so that there this is the same as synchronized. `ghost`:
    each group of ghost_size consecutive examples by itself, whatever the batch and the replicas (Hoffer et al. 2017,
    arXiv:1705.08741); the moving averages take the mean over the groups of mean and of variance, in one step a batch
    (the paper takes one step a group). Ioffe & Szegedy 2015, arXiv:1502.03167.

    Momentum 0.9 and ε = 10⁻⁵ are those of the ResNet papers (Keras's own are 0.99 and 10⁻³). float16 and bfloat16 are
    computed in float32. With synchronized, TensorFlow takes the variance as E[x²] − μ²: it loses digits where |μ| is
    more than about 100 σ, so standardize raw inputs first. Erratum of the lecture: batch norm does not reduce the
    correlations between features; whitening does.

    Use it when a deep network is to train at higher rates and depend less on its initialization; ghost when the batch
    is so large that its noise, and with it generalization, is lost; zero_gamma in the last one of a residual block;
    frozen to fine-tune on few examples.

    Avoid it when batches (or a replica's share, or ghosts) are below about 16 examples: use group normalization. In
    plain `keras.Model.fit` on several replicas, per_replica and ghost let the moving averages of the replicas drift
    apart; this package's trainer averages them.

    Config:
        config.model = dict(name="convnet", normalization=dict(name="batch_normalization", mode="ghost", ghost_size=32))

    Args:
        axis: the axis of the channels, default −1.
        momentum: of the moving averages, from 0 to 1, default 0.9.
        epsilon: ε, at least 0, default 10⁻⁵.
        mode: `"synchronized"` (default), `"per_replica"` or `"ghost"`.
        ghost_size: examples a group, at least 1, for mode `"ghost"` only; it must divide each replica's batch in
            `tt.Trainer`; in plain `fit` the last group of the last batch may be smaller.
        zero_gamma: whether γ starts at 0, whatever `gamma_initializer` says: a residual block then starts as the
            identity (Goyal et al. 2017, arXiv:1706.02677, section 5.1). Default False.
        frozen: whether the layer always works as at inference and nothing of it is trained: neither γ, β nor the moving
            averages, also when `trainable` is set on the model. Default False.
        **kwargs: the other arguments of `keras.layers.BatchNormalization`, but not `synchronized`.

    Raises:
        RequestError: an argument is unusable, or ghost_size does not divide a batch whose size is known.

    Example:
        >>> import numpy as np
        >>> layer = BatchNormalization(mode="ghost", ghost_size=2, epsilon=0.0)
        >>> np.asarray(layer(np.array([[1.0], [3.0], [10.0], [50.0]], "float32"), training=True)).ravel().tolist()
        [-1.0, 1.0, -1.0, 1.0]
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        mode: str = "synchronized",
        ghost_size: int | None = None,
        zero_gamma: bool = False,
        frozen: bool = False,
        **kwargs,
    ):
        if mode not in MODES:
            raise unknown("mode of batch normalization", mode, MODES)
        if "synchronized" in kwargs:
            raise RequestError('synchronized must be given as mode="synchronized" (or "per_replica")')
        if (mode == "ghost") != (ghost_size is not None):
            raise RequestError(f'ghost_size and mode="ghost" go together, not {ghost_size!r} and {mode!r}')
        if mode == "ghost" and kwargs.get("renorm"):
            raise RequestError('renorm is not for mode="ghost"')
        if zero_gamma:
            if not kwargs.get("scale", True):
                raise RequestError("zero_gamma needs a gamma, but scale is False")
            kwargs["gamma_initializer"] = "zeros"
        check_number("momentum", momentum, minimum=0, maximum=1)
        check_number("epsilon", epsilon, minimum=0)
        if ghost_size is not None:
            ghost_size = int(check_number("ghost_size", ghost_size, minimum=1, integer=True))
        # Only Keras on TensorFlow knows `synchronized`; on JAX the mean over a sharded array is that of all devices.
        synchronized = mode == "synchronized" and keras.config.backend() == "tensorflow"
        super().__init__(axis=axis, momentum=momentum, epsilon=epsilon, synchronized=synchronized, **kwargs)
        self.mode = mode
        self.ghost_size = ghost_size
        self.zero_gamma = bool(zero_gamma)
        self.frozen = bool(frozen)

    def add_weight(self, *args, trainable: bool = True, **kwargs) -> keras.Variable:
        """Makes a weight; none of a frozen layer is trainable."""
        # A weight that is made untrainable stays so, while setting `trainable` on a model would undo `self.trainable`.
        return super().add_weight(*args, trainable=trainable and not self.frozen, **kwargs)

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Returns the inputs normalized, in the layer's compute dtype.

        Args:
            inputs: tensor [b, ...].
            training: whether to use, and to average, the statistics of these inputs.
            mask: as in `keras.layers.BatchNormalization`; None for mode `"ghost"`.
        """
        training = bool(training) and self.trainable and not self.frozen
        if training and self.mode == "ghost":
            if mask is not None:
                raise RequestError('mode="ghost" takes no mask')
            return self._normalize_ghosts(inputs)
        return super().call(inputs, training=training, mask=mask)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor. `mode` stands for `synchronized`, which only TensorFlow could load."""
        config = super().get_config()
        del config["synchronized"]
        return config | {
            "mode": self.mode,
            "ghost_size": self.ghost_size,
            "zero_gamma": self.zero_gamma,
            "frozen": self.frozen,
        }

    def _normalize_ghosts(self, inputs):
        if inputs.shape[0] is not None and inputs.shape[0] % self.ghost_size:
            raise RequestError(f"ghost_size {self.ghost_size} does not divide the batch of {inputs.shape[0]} examples")
        shape = ops.shape(inputs)
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        channels = self.axis % len(shape) + 1
        axes = [a for a in range(1, len(shape) + 1) if a != channels]
        if inputs.shape[0] is None:
            x, mean, variance = self._ghosts_of_any_batch(x, axes)
        else:
            x = ops.reshape(x, (-1, self.ghost_size, *shape[1:]))
            mean, variance = ops.moments(x, axes, keepdims=True)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average = ops.mean(ops.reshape(value, (-1, moving.shape[0])), axis=0)
            moving.assign(ops.cast(moving, x.dtype) * self.momentum + average * (1.0 - self.momentum))
        # y = x · factor + (β − μ · factor) reads and writes the batch fewer times than the formula as it is written.
        along = [-1 if a == channels else 1 for a in range(len(x.shape))]
        factor = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * ops.reshape(ops.cast(self.gamma, x.dtype), along)
        offset = -mean * factor
        if self.center:
            offset = offset + ops.reshape(ops.cast(self.beta, x.dtype), along)
        outputs = ops.reshape(x * factor + offset, (-1, *shape[1:]))
        return ops.cast(outputs if inputs.shape[0] is not None else outputs[: shape[0]], self.compute_dtype)

    def _ghosts_of_any_batch(self, x, axes):
        """Groups, means and variances where the batch's size is known only when it comes; the last group is smaller."""
        shape = ops.shape(x)
        missing = -shape[0] % self.ghost_size
        x = ops.concatenate([x, ops.zeros((missing, *shape[1:]), x.dtype)])
        x = ops.reshape(x, (-1, self.ghost_size, *shape[1:]))
        there = ops.cast(ops.arange(shape[0] + missing) < shape[0], x.dtype)
        there = ops.reshape(there, (-1, self.ghost_size, *[1] * (len(shape) - 1))) * ops.ones_like(x)
        number = ops.sum(there, axes, keepdims=True)
        mean = ops.sum(x * there, axes, keepdims=True) / number
        return x, mean, ops.sum(ops.square(x - mean) * there, axes, keepdims=True) / number

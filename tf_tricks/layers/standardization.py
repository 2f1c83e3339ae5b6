"""Zero mean and unit variance, from statistics of a data set: the lecture's eq. (6)."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Shape, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.layers.moments import batches_of
from tf_tricks.protocols import Source
from tf_tricks.registry import register
from tf_tricks.running_moments import RunningMoments, is_constant, mean_and_scatter


@register("layers", "standardization")
@keras.saving.register_keras_serializable("tf_tricks")
class Standardization(keras.layers.Layer):
    """Shifts and scales inputs to zero mean and unit variance over the training data.

    Every feature (or every channel of an image) comes to the same scale, so that one learning rate suits the weights of
    all of them. Mean μ and population variance σ² are gathered from the training data by `adapt`, in one streaming pass
    in float64 (Chan, Golub & LeVeque 1979), and are saved with the model, which then takes raw inputs. The output is:

        y = (x − μ) / √(σ² + ε)

    The lecture's eq. (6) lacks the ε (erratum): a feature that is constant would give 0 / 0. An ε alone would still
    divide the rounding error of a constant such as 0.1 by almost nothing; so a feature that is constant to the
    precision of float32 (σ ≤ 10⁻⁶ |μ|) is divided by max(1, |μ|) instead, and gives 0. Computed in float32 under
    mixed precision: raw inputs may be outside what float16 can hold. LeCun et al. 1998, "Efficient backprop".

    Use it when features come in different units or far from 0, which for raw data is nearly always.

    Avoid it when the model standardizes its inputs already (those of this package do), or when scale carries the
    information, as in spectra that are to be compared as they are. Outliers widen σ: clip them first, or take
    logarithms.

    Config:
        config.data = dict(name="digits", preprocessing=dict(name="standardization"))

    Args:
        axis: the axis, or the axes, that keep statistics of their own; −1 (default) for each feature or channel, a
            tuple such as (1, 2, 3) for each pixel, None for one mean and one variance of all. Never 0, the batch.
        epsilon: ε, at least 0, in the squared units of the input; default 10⁻⁷.
        mean: μ, a number or an array of the shape of the kept axes, if it is known and `adapt` is not to be called.
        variance: σ², given together with `mean`.

    Raises:
        RequestError: an argument is unusable; the data are empty, of the wrong shape, or hold NaN or infinite values.

    Example:
        >>> import numpy as np
        >>> layer = Standardization()
        >>> layer.adapt(np.array([[1.0, 0.1], [3.0, 0.1]]))
        >>> np.round(np.asarray(layer(np.array([[5.0, 0.1]], "float32"))), 3).tolist()
        [[3.0, 0.0]]
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] | list[int] | None = -1,
        epsilon: float = 1e-7,
        mean: float | Tensor | None = None,
        variance: float | Tensor | None = None,
        **kwargs,
    ):
        # Keras must not cast raw inputs to float16 before they are scaled.
        super().__init__(autocast=False, **kwargs)
        self.supports_masking = True
        axes = () if axis is None else (axis if isinstance(axis, (tuple, list)) else (axis,))
        self.axis = tuple(int(check_number("axis", a, integer=True)) for a in axes)
        if 0 in self.axis:
            raise RequestError("axis must not be 0: that is the batch, over which mean and variance are taken")
        self.epsilon = float(check_number("epsilon", epsilon, minimum=0))
        self.given_mean, self.given_variance = _check_given(mean, variance)

    def build(self, input_shape: Shape) -> None:
        """Makes the weights that hold mean and variance."""
        self._kept = _kept_axes(self.axis, len(input_shape))
        shape = tuple(input_shape[a] for a in self._kept)
        if None in shape:
            raise RequestError(f"the axes {self.axis} of the inputs must have a known size, not {tuple(input_shape)}")
        mean, variance = (_constant(n, v, shape) for n, v in zip(("mean", "variance"), self._given()))
        # float16 could not hold the statistics of raw inputs.
        weight = dict(shape=shape, dtype=keras.backend.result_type(self.variable_dtype, "float32"), trainable=False)
        self.mean = self.add_weight(name="mean", initializer=mean, autocast=False, **weight)
        self.variance = self.add_weight(name="variance", initializer=variance, autocast=False, **weight)

    def adapt(self, data: Tensor | Iterable[Any] | Source) -> None:
        """Sets mean and variance to those of `data`, read once.

        Args:
            data: an array [n, ...]; or anything that yields batches [b, ...], or tuples (inputs, labels, …), and comes
                to an end: a `tf.data.Dataset`, a stream (one epoch), a list, a generator; or a source of
                `tf_tricks.data`. Of training data only.

        Raises:
            RequestError: the data are empty, do not fit the layer, or hold NaN or infinite values.
        """
        moments = RunningMoments()
        for batch in batches_of(data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
            _add(moments, batch, _kept_axes(self.axis, batch.ndim), tuple(self.mean.shape))
        self.mean.assign(moments.mean.reshape(self.mean.shape))
        self.variance.assign(moments.variance.reshape(self.variance.shape))

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs standardized, in the layer's compute dtype."""
        mean, variance = (ops.convert_to_tensor(v) for v in (self.mean, self.variance))
        constant = is_constant(mean, variance)
        deviation = ops.where(constant, ops.maximum(1.0, ops.abs(mean)), ops.sqrt(variance + self.epsilon))
        shape = [inputs.shape[a] if a in self._kept else 1 for a in range(len(inputs.shape))]
        outputs = (ops.cast(inputs, mean.dtype) - ops.reshape(mean, shape)) / ops.reshape(deviation, shape)
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        mean, variance = (v if v is None else v.tolist() for v in (self.given_mean, self.given_variance))
        axis = {0: None, 1: self.axis[0] if self.axis else None}.get(len(self.axis), list(self.axis))
        return super().get_config() | {"axis": axis, "epsilon": self.epsilon, "mean": mean, "variance": variance}

    def _given(self):
        return (0.0, 1.0) if self.given_mean is None else (self.given_mean, self.given_variance)


def _check_given(mean, variance):
    if mean is None and variance is None:
        return None, None
    if mean is None or variance is None:
        raise RequestError("mean and variance must be given together, or neither")
    mean, variance = np.asarray(mean, "float64"), np.asarray(variance, "float64")
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance >= 0).all()):
        raise RequestError("mean and variance must be finite, and no variance negative")
    return mean, variance


def _constant(name, value, shape):
    value = np.asarray(value)
    if value.ndim and value.shape != shape:
        raise RequestError(f"{name} must be a number or have the shape {shape}, not {value.shape}")
    return lambda shape, dtype=None: ops.convert_to_tensor(np.broadcast_to(value, shape), dtype=dtype)


def _kept_axes(axis, rank):
    for a in axis:
        if not -rank < a < rank:
            raise RequestError(f"axis {a} does not exist, or is the batch, in inputs with {rank} axes")
    return tuple(sorted(a % rank for a in axis))


def _add(moments, batch, kept, shape):
    if tuple(batch.shape[a] for a in kept) != shape:
        raise RequestError(f"the layer was built for features of shape {shape}, not for examples of {batch.shape[1:]}")
    # Over the examples first: NumPy adds long rows five times as fast as it adds up short ones.
    mean, scatter = mean_and_scatter(batch)
    pooled = tuple(a - 1 for a in range(1, batch.ndim) if a not in kept)
    rows = [np.moveaxis(v, pooled, range(len(pooled))).reshape(-1, *shape) for v in (mean, scatter)]
    mean, scatter = mean_and_scatter(rows[0])
    scatter = rows[1].sum(axis=0) + len(batch) * scatter
    moments.add(len(batch) * len(rows[0]), mean.ravel(), scatter.ravel())

"""Weight standardization: convolutions and dense layers whose kernels have zero mean and unit variance."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import check_number
from tf_tricks.registry import register


class _StandardizedKernel:
    """What both layers share: ε, and the gain as a weight beside Keras's own."""

    def _set_standardization(self, epsilon, gain):
        self.epsilon = float(check_number("epsilon", epsilon, minimum=0))
        self.gain = bool(gain)

    def _standardized(self, kernel, dtype):
        return standardize_kernel(kernel, self.epsilon, self.gain_weight, dtype)

    def build(self, input_shape):
        """Makes kernel, bias and gain."""
        super().build(input_shape)
        outputs = self.kernel.shape[-1:]
        self.gain_weight = self.add_weight(name="gain", shape=outputs, initializer="ones") if self.gain else None

    def save_own_variables(self, store):
        """Writes kernel, bias and gain: Keras stores these layers' weights by hand, not all that there are."""
        super().save_own_variables(store)
        if self.built and self.gain:
            store["gain"] = self.gain_weight

    def load_own_variables(self, store):
        """Reads kernel, bias and gain."""
        super().load_own_variables(store)
        if self.built and self.gain:
            self.gain_weight.assign(store["gain"])

    def get_config(self):
        """The arguments of the constructor."""
        return super().get_config() | {"epsilon": self.epsilon, "gain": self.gain}


@register("layers", "weight_standardized_conv2d", example={"filters": 8, "kernel_size": 3})
@keras.saving.register_keras_serializable("tf_tricks")
class WeightStandardizedConv2D(_StandardizedKernel, keras.layers.Conv2D):
    """A 2-D convolution whose kernel is standardized for each output channel.

    The kernel that is stored and trained is W; the one that is applied has zero mean and unit variance over the fan-in
    (height, width and input channels) of each output channel, which smooths the loss as batch norm does, but without
    looking at the batch. With mean μ and variance σ² over the fan-in:

        Ŵ = (W − μ) / √(σ² + ε)

    Qiao et al. 2019, arXiv:1903.10520. Ŵ does not shrink with the fan-in, so a normalization has to follow. With
    gain=True it is the scaled weight standardization of networks without one, with a learnable gain g for each output
    channel (Brock et al. 2021, arXiv:2101.08692):

        Ŵ = g (W − μ) / √(fan_in (σ² + ε))

    ε = 10⁻¹⁰ is that of BiT (Kolesnikov et al. 2020, arXiv:1912.11370): weight decay may shrink W, and with an ε of
    10⁻⁵ wide layers would no longer be independent of its scale. float16 and bfloat16 are computed in float32.

    Use it when batches are too small for batch norm: together with group normalization it matches batch norm's
    accuracy. With gain=True, in networks without normalization.

    Avoid it when batches are large and batch norm works: there it adds little. Without gain and without a normalization
    after it, outputs grow by √fan_in with each layer. In depthwise convolutions a fan-in of 1 always gives 0.

    Config:
        config.model = dict(name="convnet", conv=dict(name="weight_standardized_conv2d"))

    Args:
        filters: output channels.
        kernel_size: height and width of the kernel.
        strides: as in `keras.layers.Conv2D`.
        padding: as in `keras.layers.Conv2D`.
        use_bias: whether a bias is added.
        kernel_initializer: of W.
        epsilon: ε, at least 0; default 10⁻¹⁰.
        gain: whether to divide by √fan_in and multiply by a learnable gain g, which starts at 1. Default False.
        **kwargs: the other arguments of `keras.layers.Conv2D`.

    Raises:
        RequestError: epsilon is negative.

    Example:
        >>> import numpy as np
        >>> layer = WeightStandardizedConv2D(8, 3, use_bias=False)
        >>> outputs = np.asarray(layer(np.ones((1, 5, 5, 2), "float32")))  # sums of kernels, whose mean is 0
        >>> outputs.shape, bool(np.allclose(outputs, 0.0, atol=1e-5))
        ((1, 3, 3, 8), True)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        use_bias: bool = True,
        kernel_initializer: Named | Callable[..., Any] = "glorot_uniform",
        epsilon: float = 1e-10,
        gain: bool = False,
        **kwargs,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self._set_standardization(epsilon, gain)

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Convolves with the standardized kernel."""
        return super().convolution_op(inputs, self._standardized(kernel, inputs.dtype))


@register("layers", "weight_standardized_dense", example={"units": 16, "gain": True})
@keras.saving.register_keras_serializable("tf_tricks")
class WeightStandardizedDense(_StandardizedKernel, keras.layers.Dense):
    """A dense layer whose kernel is standardized for each output.

    What `weight_standardized_conv2d` is to convolutions: the kernel that is applied has zero mean and unit variance
    over the inputs of each output. With mean μ and variance σ² over the inputs:

        Ŵ = (W − μ) / √(σ² + ε)                    gain=False
        Ŵ = g (W − μ) / √(fan_in (σ² + ε))         gain=True

    Qiao et al. 2019, arXiv:1903.10520; the gain: Brock et al. 2021, arXiv:2101.08692. float16 and bfloat16 are computed
    in float32.

    Use it when an MLP is to train with small batches: without gain in front of a layer or group normalization, with
    gain=True where there is none.

    Avoid it when the layer makes the outputs of the model: without gain its logits start about √fan_in times too large.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dense=dict(name="weight_standardized_dense", gain=True))

    Args:
        units: outputs.
        activation: as in `keras.layers.Dense`.
        use_bias: whether a bias is added.
        kernel_initializer: of W.
        epsilon: ε, at least 0; default 10⁻¹⁰.
        gain: whether to divide by √fan_in and multiply by a learnable gain g, which starts at 1. Default False.
        **kwargs: the other arguments of `keras.layers.Dense`.

    Raises:
        RequestError: epsilon is negative.

    Example:
        >>> import numpy as np
        >>> layer = WeightStandardizedDense(4, use_bias=False)
        >>> kernel = np.asarray(layer(np.eye(6, dtype="float32")))
        >>> bool(np.allclose(kernel.mean(axis=0), 0.0, atol=1e-6)), bool(np.allclose(kernel.var(axis=0), 1.0))
        (True, True)
    """

    def __init__(
        self,
        units: int,
        activation: Named | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Named | Callable[..., Any] = "glorot_uniform",
        epsilon: float = 1e-10,
        gain: bool = False,
        **kwargs,
    ):
        super().__init__(
            units, activation=activation, use_bias=use_bias, kernel_initializer=kernel_initializer, **kwargs
        )
        self._set_standardization(epsilon, gain)

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Returns activation(inputs · Ŵ + bias)."""
        outputs = ops.matmul(inputs, self._standardized(self.kernel, inputs.dtype))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


def standardize_kernel(kernel: Tensor, epsilon: float, gain: Tensor | None = None, dtype: str = "float32") -> Tensor:
    """Returns a kernel with zero mean and unit variance over all but its last axis, the outputs.

    Args:
        kernel: tensor [..., outputs].
        epsilon: added to the variance.
        gain: [outputs], for the scaled form g (W − μ) / √(fan_in (σ² + ε)), or None.
        dtype: of the result.

    Example:
        >>> import numpy as np
        >>> np.asarray(standardize_kernel(np.array([[1.0, 5.0], [3.0, 5.0]]), epsilon=0.0001)).round(3).tolist()
        [[-1.0, 0.0], [1.0, 0.0]]
    """
    wide = ops.cast(kernel, keras.backend.result_type(kernel.dtype, "float32"))
    mean, variance = ops.moments(wide, tuple(range(len(wide.shape) - 1)), keepdims=True)
    factor = ops.rsqrt(variance + epsilon)
    if gain is not None:
        fan_in = 1
        for size in wide.shape[:-1]:
            fan_in *= size
        factor = factor * ops.cast(gain, wide.dtype) * fan_in**-0.5
    return ops.cast((wide - mean) * factor, dtype)

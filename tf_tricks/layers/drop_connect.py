"""DropConnect: layers whose weights, not units, are dropped."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import check_number
from tf_tricks.layers.dropout import keep_mask
from tf_tricks.registry import register


@register("layers", "drop_connect_dense", example={"units": 16, "rate": 0.3})
@keras.saving.register_keras_serializable("tf_tricks")
class DropConnectDense(keras.layers.Dense):
    """A dense layer whose weights are set to zero at random in training.

    Where dropout drops a unit with all its connections, DropConnect drops single connections (Wan et al. 2013,
    ICML, "Regularization of neural networks using DropConnect"). Each entry of kernel W and bias b is dropped with
    probability p = `rate`; the paper masks the biases too:

        training:  y = a(x (M ∘ W) / (1 - p) + m ∘ b / (1 - p)),   test:  y = a(x W + b)

    with independent entries of M and m that are 0 with probability p, else 1, and the activation a. Two things differ
    from the paper. It draws a mask for each example; here all examples of one pass share one, since a mask each costs
    b times the memory and the random numbers of the weights; passes, micro-batches and replicas have their own. And
    where the paper, at test time, averages a(u) over samples of a Gaussian u with the mean and the variance of the
    pre-activation, here the mean goes through a: exact for a linear layer, close for ReLU. (`monte_carlo_predict`
    averages over masks.) The paper's p is the probability of keeping; here it is that of dropping.

    Use it when dropout on a dense layer helps and you look for the last tenth of a percent.

    Avoid it when dropout has not been tried: it is simpler and often as good; and when there are few updates, since one
    mask for all examples of a pass makes a noisier gradient than dropout's one for each.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dense=dict(name="drop_connect_dense", rate=0.5))

    Args:
        units: number of outputs.
        rate: p, the probability of dropping a weight, in [0, 1]; the paper has 0.5.
        activation: a, as in `keras.layers.Dense`.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel.
        seed: an int, or None for a random one.
        **keywords: further arguments of `keras.layers.Dense`.

    Raises:
        RequestError: the rate is not in [0, 1].

    Example:
        >>> import numpy as np
        >>> layer = DropConnectDense(100, rate=0.5, kernel_initializer="ones", seed=1)
        >>> sorted(set(np.unique(layer(np.ones((1, 1)), training=True)).tolist()))
        [0.0, 2.0]
        >>> np.unique(layer(np.ones((1, 1)))).tolist()
        [1.0]
    """

    drops_in_training = True  # and `training` means nothing else, see `monte_carlo_predict`

    def __init__(
        self,
        units: int,
        rate: float,
        activation: Named | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Named | Callable[..., Any] = "glorot_uniform",
        seed: int | None = None,
        **keywords,
    ):
        super().__init__(units, activation, use_bias, kernel_initializer, **keywords)
        self.rate = check_number("rate", rate, minimum=0, maximum=1)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Returns the layer's outputs [..., units].

        Args:
            inputs: floats [..., features].
            training: whether to drop weights.
        """
        if not training or self.rate == 0:
            return super().call(inputs)
        kernel, bias = drop_weights(self.kernel, self.bias, self.rate, self.seed_generator)
        outputs = ops.matmul(inputs, kernel)
        outputs = outputs if bias is None else outputs + bias
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


@register("layers", "drop_connect_conv2d", example={"filters": 8, "kernel_size": 3, "rate": 0.2})
@keras.saving.register_keras_serializable("tf_tricks")
class DropConnectConv2D(keras.layers.Conv2D):
    """A convolution of images whose weights are set to zero at random in training.

    DropConnect (Wan et al. 2013, ICML, "Regularization of neural networks using DropConnect") for convolutions, which
    the paper leaves as they are. Each entry of kernel W and bias b is dropped with probability p = `rate`:

        training:  y = a(x * (M ∘ W) / (1 - p) + m ∘ b / (1 - p)),   test:  y = a(x * W + b)

    with independent entries of M and m that are 0 with probability p, else 1, and the activation a. A weight that is
    dropped is dropped at every place of the image, and for all examples of one pass; passes, micro-batches and
    replicas have their own masks. At test time the full kernel is used; the paper would average over samples of a
    Gaussian with the pre-activation's mean and variance, see `DropConnectDense`.

    Use it when a small convolutional network overfits: rates of 0.1 to 0.2.

    Avoid it when batch normalization follows and the rate is high: the statistics of training, under one mask a pass,
    are not those of the full kernel. `drop_block` and `spatial_dropout2d` have separate masks for the examples.

    Config:
        config.model = dict(name="convnet", conv=dict(name="drop_connect_conv2d", rate=0.1))

    Args:
        filters: number of output channels.
        kernel_size: height and width of the kernel.
        rate: p, the probability of dropping a weight, in [0, 1].
        strides: as in `keras.layers.Conv2D`.
        padding: `"valid"` or `"same"`.
        activation: a, as in `keras.layers.Conv2D`.
        use_bias: whether there is a bias.
        kernel_initializer: of the kernel.
        seed: an int, or None for a random one.
        **keywords: further arguments of `keras.layers.Conv2D`.

    Raises:
        RequestError: the rate is not in [0, 1].

    Example:
        >>> import numpy as np
        >>> layer = DropConnectConv2D(100, 1, rate=0.5, kernel_initializer="ones", seed=1)
        >>> sorted(set(np.unique(layer(np.ones((1, 2, 2, 1)), training=True)).tolist()))
        [0.0, 2.0]
    """

    drops_in_training = True  # and `training` means nothing else, see `monte_carlo_predict`

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        rate: float,
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        activation: Named | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Named | Callable[..., Any] = "glorot_uniform",
        seed: int | None = None,
        **keywords,
    ):
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **keywords,
        )
        self.rate = check_number("rate", rate, minimum=0, maximum=1)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Returns the layer's outputs.

        Args:
            inputs: images, floats [b, height, width, channels].
            training: whether to drop weights.
        """
        if not training or self.rate == 0:
            return super().call(inputs)
        kernel, bias = drop_weights(self.kernel, self.bias, self.rate, self.seed_generator)
        outputs = self.convolution_op(inputs, kernel)
        if bias is not None:
            outputs += bias if self.data_format == "channels_last" else ops.reshape(bias, (1, -1, 1, 1))
        return outputs if self.activation is None else self.activation(outputs)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


def drop_weights(
    kernel: Tensor, bias: Tensor | None, rate: float, seed: int | keras.random.SeedGenerator
) -> tuple[Tensor, Tensor | None]:
    """Returns kernel and bias with entries set to zero with probability `rate`, the others scaled by 1 / (1 - rate).

    Args:
        kernel: tensor or variable [..., outputs].
        bias: tensor or variable [outputs], or None.
        rate: in [0, 1].
        seed: a `keras.random.SeedGenerator`, which moves on by one draw, or an int.

    Example:
        >>> import numpy as np
        >>> kernel, bias = drop_weights(np.ones((2, 3)), np.ones(3), rate=1.0, seed=1)
        >>> float(np.sum(kernel) + np.sum(bias))
        0.0
    """
    inputs, outputs = 1, kernel.shape[-1]
    for size in kernel.shape[:-1]:
        inputs *= size
    # One draw for both: a second in the same pass would be the first one of the next position in the stream.
    kept = keep_mask((inputs + 1, outputs), rate, seed)
    factor = 1 / (1 - rate) if rate < 1 else 0
    kernel = ops.where(ops.reshape(kept[:-1], kernel.shape), kernel * factor, 0)
    return kernel, None if bias is None else ops.where(kept[-1], bias * factor, 0)

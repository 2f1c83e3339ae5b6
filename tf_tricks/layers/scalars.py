"""The scalars that Fixup puts in place of normalization."""

import keras

from tf_tricks.annotations import Shape, Tensor
from tf_tricks.registry import register


@register("layers", "scalar_bias")
@keras.saving.register_keras_serializable("tf_tricks")
class ScalarBias(keras.layers.Layer):
    """Adds one trainable number to its inputs.

    One half of what Fixup has in place of normalization (Zhang et al. 2019, arXiv:1901.09321): a scalar bias,
    initialized at 0, before each convolution, linear layer and activation:

        y = x + bias

    It is a layer: `x = ScalarBias()(x)`. The convolutions and dense layers then need no bias of their own. The paper
    trains the scalars at a tenth of the learning rate of the weights.

    Use it when you build a residual network without normalization for `fixup`.

    Avoid it when the network has batch normalization, whose β is a bias for each channel.

    Args:
        **kwargs: of every Keras layer, such as `name`.

    Example:
        >>> layer = ScalarBias()
        >>> float(layer(keras.ops.ones((1, 1)))[0, 0]), layer.count_params()
        (1.0, 1)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Makes the number."""
        del input_shape
        self.bias = self.add_weight(shape=(), initializer="zeros", name="bias")

    def call(self, inputs: Tensor) -> Tensor:
        """Returns inputs + bias."""
        return inputs + keras.ops.cast(self.bias, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the inputs."""
        return input_shape


@register("layers", "scalar_multiplier")
@keras.saving.register_keras_serializable("tf_tricks")
class ScalarMultiplier(keras.layers.Layer):
    """Multiplies its inputs by one trainable number.

    The other half of what Fixup has in place of normalization (Zhang et al. 2019, arXiv:1901.09321): a scalar
    multiplier, initialized at 1, one for each residual branch, after its last convolution:

        y = multiplier · x

    It is a layer: `x = ScalarMultiplier()(x)`. It lets weight decay act on the branch as it does under normalization:
    the multiplier makes up for the length of the weights. The paper trains the scalars at a tenth of the learning rate
    of the weights.

    Use it when you build a residual network without normalization for `fixup`.

    Avoid it when the network has batch normalization, whose γ is a multiplier for each channel.

    Args:
        **kwargs: of every Keras layer, such as `name`.

    Example:
        >>> layer = ScalarMultiplier()
        >>> float(layer(keras.ops.ones((1, 1)))[0, 0]), layer.count_params()
        (1.0, 1)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Shape) -> None:
        """Makes the number."""
        del input_shape
        self.multiplier = self.add_weight(shape=(), initializer="ones", name="multiplier")

    def call(self, inputs: Tensor) -> Tensor:
        """Returns multiplier · inputs."""
        return inputs * keras.ops.cast(self.multiplier, inputs.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the inputs."""
        return input_shape

"""What the residual networks share: their convolutions, their normalization, and how a branch ends."""

from typing import Any

from tf_tricks import layers
from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.initializers.fixup import fixup
from tf_tricks.models import blocks


def residual_parts(normalization: Named | None, conv: Named | Any | None, zero_gamma: bool, *blocks) -> "ResidualParts":
    """Returns the `FixupParts` of a network whose normalization is "fixup", else the `ResidualParts`.

    Example:
        >>> type(residual_parts("fixup", None, False)).__name__
        'FixupParts'
    """
    if normalization != "fixup":
        return ResidualParts(normalization, conv, zero_gamma, *blocks)
    if zero_gamma:
        raise RequestError("zero_gamma is of a normalization, and fixup has none: its branches begin at 0 as they are")
    return FixupParts(None, conv, False, *blocks)


class ResidualParts:
    """Makes the parts of residual blocks as the model's arguments ask for.

    Args:
        normalization: the layer that normalizes, as `tf_tricks.layers.get` takes it; None for batch normalization.
        conv: the layer that convolves, likewise; None for Keras's.
        zero_gamma: whether the normalization that ends a branch starts with scale 0.
        stochastic_depth: probability of dropping the last block's branch, in [0, 1).
        squeeze_and_excite: the reduction of squeeze-and-excite at the end of a branch, or None.
        blur_pool: whether strided convolutions are low-pass filtered.

    Example:
        >>> import keras
        >>> parts = ResidualParts(blur_pool=True)
        >>> parts.conv(keras.Input((8, 8, 3)), 16, 3, strides=2).shape
        (None, 4, 4, 16)
    """

    def __init__(
        self,
        normalization: Named | None = None,
        conv: Named | None = None,
        zero_gamma: bool = False,
        stochastic_depth: float = 0.0,
        squeeze_and_excite: float | None = None,
        blur_pool: bool = False,
    ):
        self._normalization = normalization
        self._conv = conv
        self._zero_gamma = zero_gamma
        self._stochastic_depth = check_number("stochastic_depth", stochastic_depth, minimum=0, below=1)
        if squeeze_and_excite is not None:
            check_number("squeeze_and_excite", squeeze_and_excite, minimum=1)
        self._squeeze_and_excite = squeeze_and_excite
        self._blur_pool = blur_pool

    def normalize(self, x: Tensor, zero_gamma: bool = False) -> Tensor:
        """Returns `x` normalized."""
        return blocks.normalization(self._normalization, zero_gamma)(x)

    def conv(self, x: Tensor, filters: int, kernel_size: int, strides: int = 1) -> Tensor:
        """Returns `x` convolved; see `blocks.conv`."""
        if strides > 1 and self._blur_pool:
            x = blocks.conv(x, filters, kernel_size, layer=self._conv)
            return layers.BlurPool2D(strides=strides)(x)
        return blocks.conv(x, filters, kernel_size, strides, self._conv)

    def end_branch(self, x: Tensor, progress: float) -> Tensor:
        """Returns the last convolution's output `x`, normalized and ready to be added to the shortcut.

        Args:
            x: images, [batch, height, width, channels].
            progress: how deep the block is, from above 0 to 1.
        """
        return self.drop_branch(self.normalize(x, self._zero_gamma), progress)

    def drop_branch(self, x: Tensor, progress: float) -> Tensor:
        """Returns `x` squeezed and excited, and dropped now and then, if the model's arguments ask for it."""
        if self._squeeze_and_excite is not None:
            x = layers.SqueezeExcite(self._squeeze_and_excite)(x)
        if self._stochastic_depth > 0:
            x = layers.StochasticDepth(self._stochastic_depth * progress)(x)
        return x

    def initialize(self, model: Any) -> None:
        """Gives the model's weights other values than its layers drew, if the parts need it."""


class FixupParts(ResidualParts):
    """Makes the parts of residual blocks without normalization, as Fixup has them (Zhang et al. 2019, section 3.2).

    A scalar bias stands before each convolution and activation, and a scalar multiplier at the end of each branch.

    Example:
        >>> import keras
        >>> inputs = keras.Input((8, 8, 4))
        >>> keras.Model(inputs, FixupParts().end_branch(inputs, 1.0)).count_params()
        2
    """

    def normalize(self, x: Tensor, zero_gamma: bool = False) -> Tensor:
        """Returns x + bias, which stands in the place of normalization."""
        return layers.ScalarBias()(x)

    def conv(self, x: Tensor, filters: int, kernel_size: int, strides: int = 1) -> Tensor:
        """Returns x + bias convolved."""
        return super().conv(layers.ScalarBias()(x), filters, kernel_size, strides)

    def end_branch(self, x: Tensor, progress: float) -> Tensor:
        """Returns what `drop_branch` does: no normalization ends a branch."""
        return self.drop_branch(x, progress)

    def drop_branch(self, x: Tensor, progress: float) -> Tensor:
        """Returns multiplier · x + bias, ready to be added to the shortcut."""
        return super().drop_branch(layers.ScalarBias()(layers.ScalarMultiplier()(x)), progress)

    def initialize(self, model: Any) -> None:
        """Scales the branches; see `tf_tricks.initializers.fixup`."""
        fixup(model)

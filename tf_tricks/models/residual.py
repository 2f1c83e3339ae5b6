"""What the residual networks share: their convolutions, their normalisation, and how a branch ends."""

from tf_tricks import layers
from tf_tricks.errors import check_number
from tf_tricks.models import blocks


class ResidualParts:
    """Makes the parts of residual blocks as the model's arguments ask for.

    Args:
        normalization: the layer that normalises, as `tf_tricks.layers.get` takes it; None for batch normalisation.
        conv: the layer that convolves, likewise; None for Keras's.
        zero_gamma: whether the normalisation that ends a branch starts with scale 0.
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
        normalization=None,
        conv=None,
        zero_gamma=False,
        stochastic_depth=0.0,
        squeeze_and_excite=None,
        blur_pool=False,
    ):
        self._normalization = normalization
        self._conv = conv
        self._zero_gamma = zero_gamma
        self._stochastic_depth = check_number("stochastic_depth", stochastic_depth, minimum=0, below=1)
        if squeeze_and_excite is not None:
            check_number("squeeze_and_excite", squeeze_and_excite, minimum=1)
        self._squeeze_and_excite = squeeze_and_excite
        self._blur_pool = blur_pool

    def normalize(self, x, zero_gamma=False):
        """Returns `x` normalised."""
        return blocks.normalization(self._normalization, zero_gamma)(x)

    def conv(self, x, filters, kernel_size, strides=1):
        """Returns `x` convolved; see `blocks.conv`."""
        if strides > 1 and self._blur_pool:
            x = blocks.conv(x, filters, kernel_size, layer=self._conv)
            return layers.BlurPool2D(strides=strides)(x)
        return blocks.conv(x, filters, kernel_size, strides, self._conv)

    def end_branch(self, x, progress):
        """Returns the last convolution's output `x`, normalised and ready to be added to the shortcut.

        Args:
            x: images, [batch, height, width, channels].
            progress: how deep the block is, from above 0 to 1.
        """
        return self.drop_branch(self.normalize(x, self._zero_gamma), progress)

    def drop_branch(self, x, progress):
        """Returns `x` squeezed and excited, and dropped now and then, if the model's arguments ask for it."""
        if self._squeeze_and_excite is not None:
            x = layers.SqueezeExcite(self._squeeze_and_excite)(x)
        if self._stochastic_depth > 0:
            x = layers.StochasticDepth(self._stochastic_depth * progress)(x)
        return x

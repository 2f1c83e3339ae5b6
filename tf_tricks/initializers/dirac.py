"""Dirac initial weights: a convolution that begins by passing its inputs on."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError
from tf_tricks.registry import register


@register("initializers", "dirac")
@keras.saving.register_keras_serializable("tf_tricks")
class Dirac(keras.initializers.Initializer):
    """Has the first filters of a convolution pass on one input channel each, and draws the others.

    Filter i, for i below the number of input channels c, is 1 at the middle of its channel i and 0 elsewhere, so that
    output i is input i; what filters there are beyond c are drawn by `rest`:

        W[h/2, w/2, i, i] = 1 for i < min(c, filters),  W[..., i] = 0 elsewhere for i < c,  W[..., i] ~ rest for i ≥ c

    So a deep stack of convolutions begins as one that loses nothing, as a residual network does by its shortcuts.
    Zagoruyko & Komodakis 2017, "DiracNets", arXiv:1706.00388; in this form, torch's `dirac_` over what was drawn
    before, Jordan 2024, "94% on CIFAR-10 in 3.29 seconds", arXiv:2404.00498, section 3.2, whose network without
    shortcuts it makes learn faster. The kernel of a dense layer counts as a convolution with one place.

    Use it when a network without shortcuts is deep: for its convolutions, each followed by batch norm.

    Avoid it when there are shortcuts already: with both, the signal doubles; and for the last layer.

    Config:
        config.model = dict(name="mlp", hidden=(64,), kernel_initializer=dict(name="dirac", rest="he_normal"))

    Args:
        rest: the initializer of the filters beyond the input channels, as `tf_tricks.initializers.get` takes it.

    Raises:
        RequestError: the kernel has fewer than two axes.

    Example:
        >>> keras.ops.convert_to_numpy(Dirac()((1, 1, 2, 2)))[0, 0].tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, rest: Any = "he_normal"):
        from tf_tricks import initializers

        self.rest = initializers.get(rest)

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Tensor:
        """Returns the kernel [..., c, filters]."""
        if len(shape) < 2:
            raise RequestError(f"dirac is for kernels [..., inputs, outputs], not for a weight of shape {tuple(shape)}")
        *places, channels, filters = shape
        drawn = self.rest(shape, dtype=dtype)
        middle = ops.ones((1,) * len(places), drawn.dtype)
        for axis, size in enumerate(places):
            hot = ops.one_hot([size // 2], size, dtype=drawn.dtype)
            middle = middle * ops.reshape(hot, [size if i == axis else 1 for i in range(len(places))])
        passes = middle[..., None, None] * ops.eye(channels, filters, dtype=drawn.dtype)
        own = ops.cast(ops.arange(filters) < channels, drawn.dtype)
        return passes + drawn * (1 - own)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"rest": keras.initializers.serialize(self.rest)}

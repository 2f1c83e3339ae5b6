"""Orthogonal initial weights."""

import keras

from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("initializers", "orthogonal")
def orthogonal(gain: float = 1.0, seed: int | None = None) -> keras.initializers.Initializer:
    """Draws a random matrix with orthonormal rows or columns, times a gain.

    An orthogonal matrix keeps the length of every vector, not just the mean of the lengths: all singular values of a
    deep linear network stay 1, where those of a product of independent random matrices spread out with depth:

        W = gain · Q,  with QᵀQ = I (n_in ≥ n_out) or QQᵀ = I (n_in ≤ n_out)

    Saxe et al. 2014, arXiv:1312.6120. It is Keras's `Orthogonal`: Q comes from the QR factorization of a Gaussian
    matrix, with the signs that make it uniformly distributed. The kernel of a convolution is seen as a matrix of
    (height · width · channels) × filters, which keeps the length of a patch, not of the whole image.

    Use it when the network is very deep or recurrent. For ReLU take gain √2 ≈ 1.414, for tanh a little above 1.

    Avoid it when the layers narrow sharply: a matrix with orthonormal columns passes on only n_out/n_in of the power.

    Config:
        config.model = dict(name="mlp", hidden=(64,), kernel_initializer=dict(name="orthogonal", gain=1.414))

    Args:
        gain: factor on the matrix, above 0, default 1.
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Raises:
        RequestError: `gain` is not above 0.

    Example:
        >>> weights = orthogonal(gain=2.0, seed=0)((3, 3))
        >>> [round(float(length), 4) for length in keras.ops.norm(weights, axis=0)]
        [2.0, 2.0, 2.0]
    """
    check_number("gain", gain, above=0)
    return keras.initializers.Orthogonal(gain=gain, seed=seed)

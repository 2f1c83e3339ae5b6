"""Normalizations for which Keras's own layers are right, with our cards."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from tf_tricks.annotations import Named
from tf_tricks.registry import register


@register("layers", "group_normalization", example={"groups": 4})
def group_normalization(
    groups: int = 32,
    axis: int = -1,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Named | Callable[..., Any] = "zeros",
    gamma_initializer: Named | Callable[..., Any] = "ones",
    beta_regularizer: Named | Callable[..., Any] | None = None,
    gamma_regularizer: Named | Callable[..., Any] | None = None,
    beta_constraint: Named | Callable[..., Any] | None = None,
    gamma_constraint: Named | Callable[..., Any] | None = None,
    dtype: Named | keras.DTypePolicy | None = None,
    name: str | None = None,
) -> keras.layers.GroupNormalization:
    """Standardizes groups of channels of each example independently of the batch.

    Mean μ and variance σ² are those of one group of channels of one example, over the whole image; so training and
    inference, one replica and many, a batch of 1 and of 1000 compute the same. For x in group i of an example:

        y = γ (x − μ_i) / √(σ_i² + ε) + β

    Wu & He 2018, arXiv:1803.08494. With groups=1 it is layer normalization over the image, with groups=−1 (one channel
    a group) instance normalization. This is `keras.layers.GroupNormalization`; it differs from the paper in ε, 10⁻³
    instead of 10⁻⁵.

    Use it when batches are too small for batch norm (below about 16 examples per device), as in segmentation and
    detection; with weight standardization it matches batch norm.

    Avoid it when batches are large: batch norm then is a little more accurate and, at inference, free.

    Config:
        config.model = dict(name="convnet", normalization=dict(name="group_normalization", groups=8, epsilon=1e-5))

    Args:
        groups: number of groups, which must divide the channels; −1 for one a channel. Default 32.
        axis: the axis of the channels, default −1.
        epsilon: ε, above 0, default 10⁻³.
        center: whether β is added.
        scale: whether γ multiplies.
        beta_initializer: of β, default zeros.
        gamma_initializer: of γ, default ones.
        beta_regularizer: of β, or None.
        gamma_regularizer: of γ, or None.
        beta_constraint: of β, or None.
        gamma_constraint: of γ, or None.
        dtype: of the layer, or None for the global policy.
        name: of the layer, or None.

    Example:
        >>> import numpy as np
        >>> layer = group_normalization(groups=2, epsilon=1e-9)
        >>> np.asarray(layer(np.array([[1.0, 3.0, 10.0, 50.0]], "float32"))).round(4).tolist()
        [[-1.0, 1.0, -1.0, 1.0]]
    """
    return keras.layers.GroupNormalization(**locals())


@register("layers", "layer_normalization")
def layer_normalization(
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Named | Callable[..., Any] = "zeros",
    gamma_initializer: Named | Callable[..., Any] = "ones",
    beta_regularizer: Named | Callable[..., Any] | None = None,
    gamma_regularizer: Named | Callable[..., Any] | None = None,
    beta_constraint: Named | Callable[..., Any] | None = None,
    gamma_constraint: Named | Callable[..., Any] | None = None,
    dtype: Named | keras.DTypePolicy | None = None,
    name: str | None = None,
) -> keras.layers.LayerNormalization:
    """Standardizes the features of each example independently of the batch.

    Mean μ and variance σ² are those of the features of one example (and, in an image, of one pixel); so training and
    inference compute the same, with any batch and any number of replicas:

        y = γ (x − μ) / √(σ² + ε) + β

    Ba, Kiros & Hinton 2016, arXiv:1607.06450. This is `keras.layers.LayerNormalization`; the paper names no ε, most
    others take 10⁻⁵ or 10⁻⁶ where Keras has 10⁻³. For images the paper means all pixels and channels together:
    axis=(1, 2, 3), or `group_normalization` with groups=1; the default, each pixel by itself, is that of transformers.

    Use it when sequences or tokens are the input (transformers, recurrent networks), or when batches are tiny.

    Avoid it when a convolutional network has large batches: batch norm is more accurate there.

    Config:
        config.model = dict(name="mlp", hidden=(64,), normalization=dict(name="layer_normalization", epsilon=1e-5))

    Args:
        axis: the axis or axes of the features, default −1.
        epsilon: ε, above 0, default 10⁻³.
        center: whether β is added.
        scale: whether γ multiplies.
        beta_initializer: of β, default zeros.
        gamma_initializer: of γ, default ones.
        beta_regularizer: of β, or None.
        gamma_regularizer: of γ, or None.
        beta_constraint: of β, or None.
        gamma_constraint: of γ, or None.
        dtype: of the layer, or None for the global policy.
        name: of the layer, or None.

    Example:
        >>> import numpy as np
        >>> layer = layer_normalization(epsilon=1e-9)
        >>> np.asarray(layer(np.array([[1.0, 3.0], [10.0, 50.0]], "float32"))).round(4).tolist()
        [[-1.0, 1.0], [-1.0, 1.0]]
    """
    return keras.layers.LayerNormalization(**locals())


@register("layers", "rms_normalization")
def rms_normalization(
    axis: int | Sequence[int] = -1,
    epsilon: float = 1e-6,
    dtype: Named | keras.DTypePolicy | None = None,
    name: str | None = None,
) -> keras.layers.Layer:
    """Divides the features of each example by their root mean square.

    Layer normalization without the mean and without β: it is cheaper, and what helps seems to be the scale. Over the
    features of one example (and, in an image, of one pixel):

        y = γ x / √(mean(x²) + ε)

    Zhang & Sennrich 2019, arXiv:1910.07467. This is `keras.layers.RMSNormalization`; the paper names no ε. Keras 3.10
    computes it in the compute dtype, so that in float16 values from 256 overflow; later versions take float32.

    Use it when layer normalization would do and time counts: most large language models have it.

    Avoid it when the mean of the features is far from 0 and carries nothing, or where batch norm serves better.

    Config:
        config.model = dict(name="mlp", hidden=(64,), normalization=dict(name="rms_normalization"))

    Args:
        axis: the axis or axes of the features, default −1.
        epsilon: ε, above 0, default 10⁻⁶.
        dtype: of the layer, or None for the global policy.
        name: of the layer, or None.

    Example:
        >>> import numpy as np
        >>> layer = rms_normalization(epsilon=1e-9)
        >>> np.round(np.asarray(layer(np.array([[1.0, 7.0]], "float32"))).astype("float64"), 4).tolist()
        [[0.2, 1.4]]
    """
    return keras.layers.RMSNormalization(axis=axis, epsilon=epsilon, dtype=dtype, name=name)

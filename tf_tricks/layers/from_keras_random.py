"""Keras's own random layers, with their cards: what they do, when to use them, where they differ from the papers."""

from collections.abc import Sequence

import keras

from tf_tricks.annotations import Named
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("layers", "spatial_dropout1d", example={"rate": 0.2})
def spatial_dropout1d(
    rate: float, seed: int | None = None, name: str | None = None, dtype: Named | keras.DTypePolicy | None = None
) -> keras.layers.SpatialDropout1D:
    """Drops whole channels of sequences: Keras's `SpatialDropout1D`.

    Neighbouring steps of a sequence's feature carry the same information, so that dropout of single values removes
    little of it; dropping the feature at all steps does (Tompson et al. 2015, arXiv:1411.4280, there for images). For
    example i and channel c, with m = 0 with probability p = `rate`, else 1:

        training:  y[i, t, c] = m[i, c] x[i, t, c] / (1 - p),   test:  y = x

    Under a bfloat16 policy on TensorFlow, Keras rounds the rate up to a multiple of 1/128 (float16: 1/1024); this
    package's `Dropout(rate, noise_shape=(None, 1, None))` does the same with the exact rate. A config cannot name this
    layer usefully, since none of its models has sequences inside: call it in your own model.

    Use it when convolutions run over time or text (embeddings too: it drops entries of all words' vectors alike).

    Avoid it when the inputs are vectors, not sequences: that is `dropout`.

    Args:
        rate: p, the probability of dropping a channel, in [0, 1).
        seed: an int, or None for a random one.
        name: the layer's name.
        dtype: the layer's dtype policy.

    Raises:
        RequestError: the rate is not in [0, 1).

    Example:
        >>> spatial_dropout1d(0.2).rate
        0.2
    """
    return keras.layers.SpatialDropout1D(_below_one(rate), seed=seed, name=name, dtype=dtype)


@register("layers", "spatial_dropout2d", example={"rate": 0.2})
def spatial_dropout2d(
    rate: float,
    data_format: str | None = None,
    seed: int | None = None,
    name: str | None = None,
    dtype: Named | keras.DTypePolicy | None = None,
) -> keras.layers.SpatialDropout2D:
    """Drops whole channels of images: Keras's `SpatialDropout2D`.

    Neighbouring units of a feature map carry the same information, so that dropout of single units removes little of
    it; dropping the whole map does (Tompson et al. 2015, arXiv:1411.4280). For example i and channel c, with m = 0 with
    probability p = `rate`, else 1:

        training:  y[i, h, w, c] = m[i, c] x[i, h, w, c] / (1 - p),   test:  y = x

    Under a bfloat16 policy on TensorFlow, Keras rounds the rate up to a multiple of 1/128 (float16: 1/1024); this
    package's `Dropout(rate, noise_shape=(None, 1, 1, None))` does the same with the exact rate.

    Use it when a convolutional network overfits, above all with few training images: rates of 0.1 to 0.3.

    Avoid it when layers have few channels, and before batch normalization (Li et al. 2018, arXiv:1801.05134). On large
    maps `drop_block` is the gentler form: regions instead of whole maps.

    Config:
        config.model = dict(name="convnet", dropout=dict(name="spatial_dropout2d", rate=0.2))

    Args:
        rate: p, the probability of dropping a channel, in [0, 1).
        data_format: `"channels_last"` or `"channels_first"`; None is Keras's setting.
        seed: an int, or None for a random one.
        name: the layer's name.
        dtype: the layer's dtype policy.

    Raises:
        RequestError: the rate is not in [0, 1).

    Example:
        >>> spatial_dropout2d(0.2).rate
        0.2
    """
    return keras.layers.SpatialDropout2D(_below_one(rate), data_format=data_format, seed=seed, name=name, dtype=dtype)


@register("layers", "gaussian_dropout", example={"rate": 0.2})
def gaussian_dropout(rate: float, seed: int | None = None, **keywords) -> keras.layers.GaussianDropout:
    """Multiplies units by Gaussian noise of mean 1: Keras's `GaussianDropout`.

    Noise with the mean and the variance of (inverted) dropout's, but continuous (Srivastava et al. 2014, JMLR 15,
    1929-1958, section 10). With p = `rate`:

        training:  y = x n,   n ~ N(1, p / (1 - p)),   test:  y = x

    No scaling is needed at test. The paper's p is the probability of keeping; here it is that of dropping.

    Use it when dropout helps and a smoother noise may do as well: the paper found it equal or slightly better.

    Avoid it when exact zeros matter (dropout makes sparse features), or for rates near 1, whose variance grows without
    bound.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dropout=dict(name="gaussian_dropout", rate=0.3))

    Args:
        rate: p, the rate of the dropout whose variance the noise has, in [0, 1).
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: the rate is not in [0, 1).

    Example:
        >>> gaussian_dropout(0.3).rate
        0.3
    """
    return keras.layers.GaussianDropout(_below_one(rate), seed=seed, **keywords)


@register("layers", "gaussian_noise", example={"stddev": 0.2})
def gaussian_noise(stddev: float, seed: int | None = None, **keywords) -> keras.layers.GaussianNoise:
    """Adds Gaussian noise of mean 0: Keras's `GaussianNoise`.

    Noise on the inputs acts, to first order, like a penalty on the gradient of the outputs by the inputs (Bishop 1995,
    doi:10.1162/neco.1995.7.1.108), and so makes the function smooth:

        training:  y = x + n,   n ~ N(0, stddev²),   test:  y = x

    Keras allows a standard deviation of at most 1: standardize the inputs first.

    Use it when inputs are measurements with noise of a known size, or as mild augmentation of tabular data.

    Avoid it when features have different scales (each would need its own noise), and behind layers that can outgrow it
    by making their outputs large.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dropout=dict(name="gaussian_noise", stddev=0.1))

    Args:
        stddev: standard deviation of the noise in the inputs' unit, in [0, 1].
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: the standard deviation is not in [0, 1].

    Example:
        >>> gaussian_noise(0.1).stddev
        0.1
    """
    check_number("stddev", stddev, minimum=0, maximum=1)
    return keras.layers.GaussianNoise(stddev, seed=seed, **keywords)


@register("layers", "alpha_dropout", example={"rate": 0.1})
def alpha_dropout(
    rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **keywords
) -> keras.layers.AlphaDropout:
    """Dropout for SELU networks, which keeps mean 0 and variance 1: Keras's `AlphaDropout`.

    SELU networks normalize themselves: their units keep mean 0 and variance 1 from layer to layer. Zeros would break
    that, so units are dropped to SELU's lower limit α' = -λα ≈ -1.758 instead, and an affine map restores mean and
    variance (Klambauer et al. 2017, arXiv:1706.02515). With m = 0 with probability p = `rate`, else 1:

        training:  y = a (m x + (1 - m) α') + b,   test:  y = x
        a = ((1 - p) (1 + p α'²))^(-1/2),   b = -a p α'

    Use it when the activation is `selu` and the initializer `lecun_normal`: rates of 0.05 to 0.1.

    Avoid it when the activation is another: use `dropout`.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dropout=dict(name="alpha_dropout", rate=0.05))

    Args:
        rate: p, the probability of dropping a unit, in [0, 1).
        noise_shape: shape of the mask, as in `dropout`.
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: the rate is not in [0, 1).

    Example:
        >>> alpha_dropout(0.05).rate
        0.05
    """
    return keras.layers.AlphaDropout(_below_one(rate), noise_shape=noise_shape, seed=seed, **keywords)


def _below_one(rate):
    # Keras lets 1 pass; the first training step then fails, for spatial dropout with Keras 3.10 only.
    check_number("rate", rate, minimum=0, maximum=1)
    if rate == 1:
        raise RequestError(f"rate must be a number at least 0 and below 1, not {rate!r}")
    return rate

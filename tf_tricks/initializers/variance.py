"""Initial weights whose variance comes from a formula: the table of the lecture, and He et al.'s correction of it.

All of them are Keras's own initializers. Keras computes n_in and n_out, the number of inputs of a unit and of outputs
that an input reaches, from the shape of the kernel: inputs and units of a dense layer; channels times the area of the
kernel for a convolution. Where Keras draws from a normal distribution by variance, it cuts it off at two standard
deviations and divides by 0.8796, so that the variance is the one asked for and no weight is far out.
"""

import keras

from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("initializers", "small_normal")
def small_normal(stddev: float = 0.01, seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights from ε·N(0, 1) with a small constant ε.

    The simplest way to make the units of a layer differ. What it does to the signal depends on the width n of the
    layers: in a deep network each layer multiplies its standard deviation, forward and backward, by about:

        ε √n with tanh,  ε √(n/2) with ReLU,  ε √n / 4 (backward) with the logistic sigmoid

    With ε = 0.01 and n = 100 that is 0.1 a layer: right for a few layers, hopeless for many. (The lecture's figure of
    10⁻² a layer holds at n = 1 only.) A constant ε served the ImageNet network of Krizhevsky et al. 2012; He et al.
    2015, arXiv:1502.01852, section 2.2, tell how it fails at depth.

    Use it when the network is shallow, or for the last layer, whose outputs should start near 0 (Goyal et al. 2017,
    arXiv:1706.02677, take ε = 0.01 for the logits of a ResNet).

    Avoid it when there are more than two or three hidden layers: the schemes that know n keep the signal's variance.

    Config:
        config.model = dict(name="mlp", hidden=(64,), kernel_initializer=dict(name="small_normal", stddev=0.01))

    Args:
        stddev: ε, above 0, default 0.01 (Keras's own `RandomNormal` has 0.05).
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Raises:
        RequestError: `stddev` is not above 0.

    Example:
        >>> weights = small_normal(seed=0)((200, 200))
        >>> round(float(keras.ops.std(weights)), 3)
        0.01
    """
    check_number("stddev", stddev, above=0)
    return keras.initializers.RandomNormal(mean=0.0, stddev=stddev, seed=seed)


@register("initializers", "fan_in_normal")
def fan_in_normal(seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights with variance 1/n_in, which keeps the variance of the signal going forward.

    For inputs x of mean 0 and independent weights, a linear unit y = Σᵢ wᵢ xᵢ has:

        Var(y) = n_in Var(w) Var(x),  so that Var(w) = 1/n_in gives Var(y) = Var(x)

    LeCun et al. 1998, "Efficient BackProp", section 4.6. It is Keras's `LecunNormal`: a normal distribution cut off at
    two standard deviations, with the variance corrected for the cut.

    Use it when the activation is linear near 0 (tanh) or normalizes itself (SELU, Klambauer et al. 2017,
    arXiv:1706.02515).

    Avoid it when the activation is like ReLU: half of the power is lost in every layer, see `he_normal`.

    Config:
        config.model = dict(name="mlp", hidden=(64,), activation="tanh", kernel_initializer="fan_in_normal")

    Args:
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Example:
        >>> weights = fan_in_normal(seed=0)((400, 100))
        >>> round(float(400 * keras.ops.var(weights)), 1)
        1.0
    """
    return keras.initializers.LecunNormal(seed=seed)


@register("initializers", "fan_out_normal")
def fan_out_normal(seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights with variance 1/n_out, which keeps the variance of the gradient going backward.

    The gradient for the inputs of a linear layer sums over its n_out outputs:

        Var(∂L/∂x) = n_out Var(w) Var(∂L/∂y),  so that Var(w) = 1/n_out gives equal variances

    Glorot & Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", equation 11. It
    is Keras's `VarianceScaling` with a normal distribution that is cut off at two standard deviations, the variance
    corrected for the cut. Keras does not count that a convolution with stride s gives each input only n_out/s² outputs.

    Use it when the gradient of a tanh network vanishes on the way back although the activations are well.

    Avoid it when you have no reason: `glorot_normal` is the compromise, and with ReLU `he_fan_out_normal` is right.

    Config:
        config.model = dict(name="mlp", hidden=(64,), activation="tanh", kernel_initializer="fan_out_normal")

    Args:
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Example:
        >>> weights = fan_out_normal(seed=0)((400, 100))
        >>> round(float(100 * keras.ops.var(weights)), 1)
        1.0
    """
    return _variance_scaling(1.0, "fan_out", seed)


@register("initializers", "glorot_normal")
def glorot_normal(seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights with variance 2/(n_in + n_out), the compromise between forward and backward.

    Also called Xavier's. Both variances cannot be kept where a layer's width changes; the mean of the two conditions:

        Var(w) = 2 / (n_in + n_out)

    Glorot & Bengio 2010, equation 12. Keras's `GlorotNormal` cuts the normal distribution off at two standard
    deviations and corrects the variance; the paper's own formula (16) is the uniform distribution of that variance,
    Keras's `glorot_uniform`, which is what every Keras layer starts from.

    Use it when the activation is linear near 0: tanh, softsign, none.

    Avoid it when the network is deep and its activation like ReLU: each layer then multiplies the signal by √½, and 30
    layers do not train (He et al. 2015, arXiv:1502.01852, figure 3). Take `he_normal`.

    Config:
        config.model = dict(name="mlp", hidden=(64,), activation="tanh", kernel_initializer="glorot_normal")

    Args:
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Example:
        >>> weights = glorot_normal(seed=0)((400, 100))
        >>> round(float(250 * keras.ops.var(weights)), 1)
        1.0
    """
    return keras.initializers.GlorotNormal(seed=seed)


@register("initializers", "relu_glorot_normal")
def relu_glorot_normal(seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights with variance 4/(n_in + n_out): Glorot's, doubled for ReLU.

    ReLU sets half of the units to 0 and so halves the second moment of the signal, which the lecture makes up for by
    doubling Glorot's variance:

        Var(w) = 4 / (n_in + n_out)

    Erratum: the lecture says that He et al. 2015, arXiv:1502.01852, confirm this. They give 2/n_in or 2/n_out, either
    of which is enough alone, for the factors between the two cancel over the whole network (section 2.2); they agree
    with this formula only where n_in = n_out. From width a to width b this one multiplies the second moment by 2a/(a +
    b), and over a pair of layers a → b → a by 4ab/(a + b)², below 1 for a ≠ b: 0.64 for 400 and 100, or 1.2·10⁻³ over
    30 layers, where He's keeps it all.

    Use it when you want to see just that, or when all layers have the same width, where it is He's.

    Avoid it when widths change: `he_normal` is right.

    Config:
        config.model = dict(name="mlp", hidden=(64,), kernel_initializer="relu_glorot_normal")

    Args:
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Example:
        >>> weights = relu_glorot_normal(seed=0)((400, 100))
        >>> round(float(250 * keras.ops.var(weights)), 1)
        2.0
    """
    return _variance_scaling(2.0, "fan_avg", seed)


@register("initializers", "he_normal")
def he_normal(seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights with variance 2/n_in, which keeps the signal's power through ReLU layers.

    After ReLU the mean is not 0, and what counts for the next layer is E[x²], half of the variance before:

        Var(y) = n_in Var(w) E[x²] = ½ n_in Var(w) Var(y of the layer before),  so Var(w) = 2/n_in

    He et al. 2015, arXiv:1502.01852, equation 10. Keras's `HeNormal` cuts the normal distribution off at two standard
    deviations and corrects the variance; the paper does not cut it. It takes the axis before the last for the inputs,
    which they are not in two kinds of layers: a depthwise kernel [h, w, c, 1] has n_in = hw, and gets 2/(hwc), so that
    1/c of the power is left; a transposed convolution's [h, w, out, in] gets 2/(hw·out) for 2/(hw·in), which is right
    for out = in alone. `lsuv` measures, and sets both right.

    Use it when the activation is like ReLU; it is what this package's models do by themselves.

    Avoid it when the activation is linear near 0 (tanh): the signal would grow by √2 a layer into saturation.

    Config:
        config.model = dict(name="mlp", hidden=(64,), kernel_initializer="he_normal")

    Args:
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Example:
        >>> weights = he_normal(seed=0)((400, 100))
        >>> round(float(400 * keras.ops.var(weights)), 1)
        2.0
    """
    return keras.initializers.HeNormal(seed=seed)


@register("initializers", "he_fan_out_normal")
def he_fan_out_normal(seed: int | None = None) -> keras.initializers.Initializer:
    """Draws weights with variance 2/n_out, which keeps the gradient's power through ReLU layers.

    The backward twin of `he_normal`: ReLU passes half of the gradients, so that:

        Var(∂L/∂x) = ½ n_out Var(w) Var(∂L/∂x of the layer after),  so Var(w) = 2/n_out

    He et al. 2015, arXiv:1502.01852, equation 14. The forward signal is then off by the ratio of the last width to
    the first, once, and not once a layer. It is Keras's `VarianceScaling` with a normal distribution that is cut off
    at two standard deviations, the variance corrected for the cut.

    Use it when a convolutional network is deep and its widths grow, as ResNets often do.

    Avoid it when layers have a stride s: Keras does not count that each input then reaches n_out/s² outputs only, so
    that the variance is too small by s²; `he_normal` has no such trouble.

    Config:
        config.model = dict(name="mlp", hidden=(64,), kernel_initializer="he_fan_out_normal")

    Args:
        seed: an integer, or None for another draw each time. One seed gives equal weights to layers of equal shape.

    Example:
        >>> weights = he_fan_out_normal(seed=0)((400, 100))
        >>> round(float(100 * keras.ops.var(weights)), 1)
        2.0
    """
    return _variance_scaling(2.0, "fan_out", seed)


def _variance_scaling(scale, mode, seed):
    return keras.initializers.VarianceScaling(scale=scale, mode=mode, distribution="truncated_normal", seed=seed)

"""The wide residual network."""

from collections.abc import Sequence

import keras

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.models.blocks import check_common, logits, relu
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.residual import residual_parts
from tf_tricks.models.stem import check_image, standardized_input
from tf_tricks.registry import register


@register("models", "wide_resnet")
def wide_resnet(
    input_shape: Sequence[int],
    num_outputs: int,
    depth: int = 16,
    widen_factor: int = 4,
    dropout: float | Named | keras.layers.Layer = 0.0,
    stochastic_depth: float = 0.0,
    squeeze_and_excite: float | None = None,
    blur_pool: bool = False,
    normalization: Named | keras.layers.Layer | None = None,
    conv: Named | keras.layers.Layer | None = None,
    *,
    input_dtype: str = "float32",
    mean: Sequence[float] | Tensor | None = None,
    variance: Sequence[float] | Tensor | None = None,
    preprocessing: keras.layers.Layer | None = None,
) -> keras.Model:
    """Residual networks that are wide instead of deep, with the activation before the convolution: y = x + F(x).

    Zagoruyko & Komodakis 2016, arXiv:1605.07146. Three stages of n = (depth − 4) / 6 blocks with 16k, 32k and 64k
    channels, k being the widening factor. In F, each of two 3 × 3 convolutions follows a batch normalization and a
    ReLU, with dropout between the convolutions. Where the shape changes, the shortcut is a 1 × 1 convolution of the
    activated input. WRN-28-10 is `depth=28, widen_factor=10`.

    Args:
        input_shape: shape of one image, (height, width, channels).
        num_outputs: number of classes, or of values to predict.
        depth: number of layers, 6n + 4: 10, 16, 22, 28, 34, 40, …
        widen_factor: k, how many times wider than the original ResNet.
        dropout: share of the activations in the blocks that is dropped, in [0, 1), the paper's is 0.3 or 0.4; or a
            layer, as `tf_tricks.layers.get` takes it.
        stochastic_depth: probability of dropping the last block's branch, in [0, 1); those before fall linearly to 0
            (Huang et al. 2016, arXiv:1603.09382).
        squeeze_and_excite: factor by which the hidden layer of squeeze-and-excite is narrower than the block (Hu et al.
            2018, arXiv:1709.01507), or None for none.
        blur_pool: whether branches are low-pass filtered where they are strided (Zhang 2019, arXiv:1904.11486).
        normalization: the layer that normalizes, as `tf_tricks.layers.get` takes it; None for batch normalization;
            `"fixup"` for none, but the scalars and the initial weights of Fixup (Zhang et al. 2019, arXiv:1901.09321).
        conv: the layer that convolves, likewise, without filters and kernel size; None for Keras's.
        input_dtype: what the raw inputs are, `"float32"` or `"uint8"`.
        mean: of the raw inputs, one number for each channel, or None.
        variance: of the raw inputs, one number for each channel, or None.
        preprocessing: a layer in place of the standardization, adapted to the raw inputs, or None.

    Returns:
        a `keras.Model` from raw images to logits (or a regression), float32 [batch, num_outputs].

    Raises:
        RequestError: an argument cannot be used.

    Example:
        >>> wide_resnet((32, 32, 3), num_outputs=10, depth=10, widen_factor=1).name
        'wide_resnet10_1'
    """
    check_common(num_outputs, dropout)
    widen_factor = int(check_number("widen_factor", widen_factor, minimum=1, integer=True))
    depth = _check_depth(depth)
    check_image("wide_resnet", input_shape, halvings=2)

    parts = residual_parts(normalization, conv, False, stochastic_depth, squeeze_and_excite, blur_pool)
    inputs, x = standardized_input(input_shape, input_dtype, mean, variance, preprocessing)
    x = parts.conv(x, 16, 3)
    count, number = (depth - 4) // 6, 0
    for stage, width in enumerate((16 * widen_factor, 32 * widen_factor, 64 * widen_factor)):
        for i in range(count):
            number += 1
            x = _block(x, width, 2 if stage > 0 and i == 0 else 1, dropout, parts, number / (3 * count))
    x = relu(parts.normalize(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, logits(x, num_outputs), name=f"wide_resnet{depth}_{widen_factor}")
    parts.initialize(model)
    return model


def _block(x, width, strides, dropout, parts, progress):
    y = relu(parts.normalize(x))
    shortcut = parts.conv(y, width, 1, strides) if strides > 1 or x.shape[-1] != width else x
    y = parts.conv(y, width, 3, strides)
    y = new_dropout(dropout)(relu(parts.normalize(y)))
    y = parts.drop_branch(parts.conv(y, width, 3), progress)
    return keras.layers.Add()([shortcut, y])


def _check_depth(depth):
    allowed = range(10, 1205, 6)
    if depth not in allowed:
        nearest = f"; the nearest is {min(allowed, key=lambda d: abs(d - depth))}" if isinstance(depth, int) else ""
        raise RequestError(f"wide_resnet has the depths 6n + 4 (10, 16, 22, 28, …), not {depth!r}{nearest}")
    return int(depth)

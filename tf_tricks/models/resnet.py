"""ResNet in one page."""

from collections.abc import Sequence

import keras

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import RequestError
from tf_tricks.models.blocks import check_common, logits, relu
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.residual import residual_parts
from tf_tricks.models.stem import check_image, standardized_input
from tf_tricks.registry import register

# Number of bottleneck blocks in each stage of the networks for ImageNet.
IMAGENET: dict[int, tuple[int, ...]] = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


@register("models", "resnet")
def resnet(
    input_shape: Sequence[int],
    num_outputs: int,
    depth: int = 20,
    zero_gamma: bool = False,
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
    """Residual networks: y = relu(x + F(x)), F being convolutions with batch normalization.

    He et al. 2015, arXiv:1512.03385. Depths 6n + 2 (20, 32, 44, 56, 110, …) are those of section 4.2 for small images:
    three stages of n blocks of two 3 × 3 convolutions, with 16, 32 and 64 channels, and shortcuts without parameters
    (option A: every second pixel, the new channels zero). Depths 50, 101 and 152 are those for ImageNet: bottleneck
    blocks, projections where the shape changes (option B), the stride in the 3 × 3 convolution ("v1.5"), and the logits
    initialized with standard deviation 0.01 as by Goyal et al. 2017, arXiv:1706.02677.

    Args:
        input_shape: shape of one image, (height, width, channels).
        num_outputs: number of classes, or of values to predict.
        depth: number of layers: 6n + 2 from 8 on, or 50, 101, 152.
        zero_gamma: whether every block starts as the identity: F ends in a batch normalization with scale γ = 0 (Goyal
            et al. 2017, section 5.1).
        dropout: share of the last features that is dropped, in [0, 1); or a layer, as `tf_tricks.layers.get` takes it.
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
        >>> import math
        >>> model = resnet((32, 32, 3), num_outputs=10, depth=20)
        >>> sum(math.prod(weight.shape) for weight in model.trainable_weights)
        269722
    """
    check_common(num_outputs, dropout)
    depth = _check_depth(depth)
    check_image(f"resnet of depth {depth}", input_shape, halvings=5 if depth in IMAGENET else 2)

    parts = residual_parts(normalization, conv, zero_gamma, stochastic_depth, squeeze_and_excite, blur_pool)
    inputs, x = standardized_input(input_shape, input_dtype, mean, variance, preprocessing)
    widths: tuple[int, ...]
    if depth in IMAGENET:
        x = relu(parts.normalize(parts.conv(x, 64, 7, strides=2)))
        x = keras.layers.MaxPooling2D(3, strides=2)(keras.layers.ZeroPadding2D(1)(x))
        block, widths, blocks = _bottleneck_block, (64, 128, 256, 512), IMAGENET[depth]
    else:
        x = relu(parts.normalize(parts.conv(x, 16, 3)))
        block, widths, blocks = _basic_block, (16, 32, 64), 3 * ((depth - 2) // 6,)

    number = 0
    for stage, (width, count) in enumerate(zip(widths, blocks)):
        for i in range(count):
            number += 1
            x = block(x, width, 2 if stage > 0 and i == 0 else 1, parts, number / sum(blocks))

    x = keras.layers.GlobalAveragePooling2D()(x)
    x = new_dropout(dropout)(x)
    initializer = keras.initializers.RandomNormal(stddev=0.01) if depth in IMAGENET else "glorot_uniform"
    model = keras.Model(inputs, logits(x, num_outputs, initializer), name=f"resnet{depth}")
    parts.initialize(model)
    return model


def _basic_block(x, width, strides, parts, progress):
    y = relu(parts.normalize(parts.conv(x, width, 3, strides)))
    y = parts.end_branch(parts.conv(y, width, 3), progress)
    if strides > 1:
        x = keras.layers.AveragePooling2D(1, strides)(x)
        # Pads the channels: seen as "channels first", they are the last axis of the image.
        x = keras.layers.ZeroPadding2D(((0, 0), (0, width - x.shape[-1])), data_format="channels_first")(x)
    return relu(keras.layers.Add()([x, y]))


def _bottleneck_block(x, width, strides, parts, progress):
    y = relu(parts.normalize(parts.conv(x, width, 1)))
    y = relu(parts.normalize(parts.conv(y, width, 3, strides)))
    y = parts.end_branch(parts.conv(y, 4 * width, 1), progress)
    if x.shape[-1] != 4 * width:
        x = parts.normalize(parts.conv(x, 4 * width, 1, strides))
    return relu(keras.layers.Add()([x, y]))


def _check_depth(depth):
    allowed = [*range(8, 1203, 6), 101]
    if depth not in allowed:
        nearest = f"; the nearest is {min(allowed, key=lambda d: abs(d - depth))}" if isinstance(depth, int) else ""
        raise RequestError(f"resnet has the depths 6n + 2 (8, 14, 20, …) and 50, 101, 152, not {depth!r}{nearest}")
    return int(depth)

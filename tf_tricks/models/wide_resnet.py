"""The wide residual network."""

import keras

from tf_tricks.errors import RequestError, check_number
from tf_tricks.models.blocks import batch_norm, check_common, conv, logits, relu
from tf_tricks.models.stem import check_image, standardised_input


def wide_resnet(
    input_shape,
    num_outputs,
    depth=16,
    widen_factor=4,
    dropout=0.0,
    *,
    input_dtype="float32",
    mean=None,
    variance=None,
):
    """Residual networks that are wide instead of deep, with the activation before the convolution: y = x + F(x).

    Zagoruyko & Komodakis 2016, arXiv:1605.07146. Three stages of n = (depth − 4) / 6 blocks with 16k, 32k and 64k
    channels, k being the widening factor. In F, each of two 3 × 3 convolutions follows a batch normalisation and a
    ReLU, with dropout between the convolutions. Where the shape changes, the shortcut is a 1 × 1 convolution of the
    activated input. WRN-28-10 is `depth=28, widen_factor=10`.

    Args:
        input_shape: shape of one image, (height, width, channels).
        num_outputs: number of classes, or of values to predict.
        depth: number of layers, 6n + 4: 10, 16, 22, 28, 34, 40, …
        widen_factor: k, how many times wider than the original ResNet.
        dropout: share of the activations in the blocks that is dropped, in [0, 1); the paper's is 0.3 or 0.4.
        input_dtype: what the raw inputs are, `"float32"` or `"uint8"`.
        mean: of the raw inputs, one number for each channel, or None.
        variance: of the raw inputs, one number for each channel, or None.

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

    inputs, x = standardised_input(input_shape, input_dtype, mean, variance)
    x = conv(x, 16, 3)
    for stage, width in enumerate((16 * widen_factor, 32 * widen_factor, 64 * widen_factor)):
        for i in range((depth - 4) // 6):
            x = _block(x, width, 2 if stage > 0 and i == 0 else 1, dropout)
    x = relu(batch_norm()(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, logits(x, num_outputs), name=f"wide_resnet{depth}_{widen_factor}")


def _block(x, width, strides, dropout):
    y = relu(batch_norm()(x))
    shortcut = conv(y, width, 1, strides) if strides > 1 or x.shape[-1] != width else x
    y = conv(y, width, 3, strides)
    y = keras.layers.Dropout(dropout)(relu(batch_norm()(y)))
    y = conv(y, width, 3)
    return keras.layers.Add()([shortcut, y])


def _check_depth(depth):
    allowed = range(10, 1205, 6)
    if depth not in allowed:
        nearest = f"; the nearest is {min(allowed, key=lambda d: abs(d - depth))}" if isinstance(depth, int) else ""
        raise RequestError(f"wide_resnet has the depths 6n + 4 (10, 16, 22, 28, …), not {depth!r}{nearest}")
    return int(depth)

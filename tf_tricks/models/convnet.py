"""The plain convolutional network."""

from collections.abc import Sequence

import keras

from tf_tricks.annotations import Named, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.models.blocks import check_common, logits, relu
from tf_tricks.models.blocks import conv as convolve
from tf_tricks.models.blocks import dropout as new_dropout
from tf_tricks.models.blocks import normalization as new_normalization
from tf_tricks.models.stem import check_image, check_sizes, standardized_input
from tf_tricks.registry import register


@register("models", "convnet")
def convnet(
    input_shape: Sequence[int],
    num_outputs: int,
    filters: Sequence[int] = (32, 64, 128),
    convolutions: int | Sequence[int] = 1,
    kernel_size: int = 3,
    dropout: float | Named | keras.layers.Layer = 0.0,
    normalization: Named | keras.layers.Layer | None = None,
    conv: Named | keras.layers.Layer | None = None,
    *,
    input_dtype: str = "float32",
    mean: Sequence[float] | Tensor | None = None,
    variance: Sequence[float] | Tensor | None = None,
    preprocessing: keras.layers.Layer | None = None,
) -> keras.Model:
    """Stages of convolutions with pooling between them: small images on small machines.

    Each stage is `convolutions` times convolution → batch normalization → ReLU, in the manner of VGG (Simonyan &
    Zisserman 2015, arXiv:1409.1556) with the batch normalization of Ioffe & Szegedy (2015, arXiv:1502.03167). Between
    stages, a 2 × 2 maximum halves height and width. The last stage is averaged over the image, dropped out and made
    into logits.

    Args:
        input_shape: shape of one image, (height, width, channels).
        num_outputs: number of classes, or of values to predict.
        filters: number of channels of each stage.
        convolutions: number of convolutions in each stage: one number for all, or one for each.
        kernel_size: height and width of the kernels.
        dropout: share of the last features that is dropped, in [0, 1); or a layer, as `tf_tricks.layers.get` takes it.
            A layer for images, such as `drop_block`, comes at the end of each stage instead.
        normalization: the layer that normalizes, as `tf_tricks.layers.get` takes it; None for batch normalization.
        conv: the layer that convolves, likewise, without filters and kernel size; None for Keras's.
        input_dtype: what the raw inputs are, `"float32"` or `"uint8"`.
        mean: of the raw inputs, one number for each channel, or None.
        variance: of the raw inputs, one number for each channel, or None.
        preprocessing: a layer in place of the standardization, adapted to the raw inputs, or None.

    Returns:
        a `keras.Model` from raw images to logits (or a regression), float32 [batch, num_outputs].

    Raises:
        RequestError: an argument cannot be used, or the image is too small for so many stages.

    Example:
        >>> convnet((28, 28, 1), num_outputs=10).output_shape
        (None, 10)
    """
    check_common(num_outputs, dropout)
    filters = check_sizes("filters", filters, example=(32, 64, 128))
    if isinstance(convolutions, (list, tuple)):
        convolutions = check_sizes("convolutions", convolutions, example=(1, 2, 2))
        if len(convolutions) != len(filters):
            raise RequestError(f"convolutions={convolutions} must be one number, or one for each of filters={filters}")
    else:
        convolutions = [int(check_number("convolutions", convolutions, minimum=1, integer=True))] * len(filters)
    kernel_size = int(check_number("kernel_size", kernel_size, minimum=1, integer=True))
    check_image(f"convnet of {len(filters)} stages", input_shape, halvings=len(filters) - 1)

    inputs, x = standardized_input(input_shape, input_dtype, mean, variance, preprocessing)
    drops_images = getattr(new_dropout(dropout).input_spec, "ndim", None) == 4
    for stage, (channels, number) in enumerate(zip(filters, convolutions)):
        if stage > 0:
            x = keras.layers.MaxPooling2D(2)(x)
        for _ in range(number):
            x = relu(new_normalization(normalization)(convolve(x, channels, kernel_size, layer=conv)))
        if drops_images:
            x = new_dropout(dropout)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if not drops_images:
        x = new_dropout(dropout)(x)
    return keras.Model(inputs, logits(x, num_outputs), name="convnet")

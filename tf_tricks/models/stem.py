"""Where every model begins: raw inputs, standardized inside the model."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.running_moments import is_constant

INPUT_DTYPES = ("float32", "uint8", "int8", "int16", "int32", "int64", "uint16", "bool")


def standardized_input(
    input_shape: Sequence[int],
    input_dtype: str = "float32",
    mean: Any = None,
    variance: Any = None,
    preprocessing: keras.layers.Layer | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Returns a model's input and the same values standardized, x ← (x − mean) / √variance, one channel at a time.

    The mean and the variance become part of the model, so that a saved model takes raw values. They are applied in
    float32 under every dtype policy: raw values (metres, dollars, milliseconds) may be outside what float16 can hold.

    A channel that is constant to the precision of float32 (√variance ≤ 10⁻⁶ |mean|) is divided by max(1, |mean|)
    instead: it gives 0, and not its rounding error divided by almost nothing.

    Args:
        input_shape: shape of one example, channels last: `(28, 28, 1)`, `(13,)`.
        input_dtype: what the raw values are, one of `INPUT_DTYPES`.
        mean: one number for each channel (the last axis), or None for inputs that are used as they are.
        variance: one number for each channel, given together with `mean`.
        preprocessing: a layer to be used instead, adapted to raw inputs, or None.
        name: of the input, or None.

    Returns:
        the `keras.Input`, [batch, *input_shape], and the float tensor that the model's first layer takes.

    Raises:
        RequestError: the shape or the dtype cannot be used, or mean and variance do not fit the shape.

    Example:
        >>> import keras, numpy as np
        >>> inputs, x = standardized_input((2,), "uint8", mean=[10.0, 7.0], variance=[4.0, 0.0])
        >>> print(keras.Model(inputs, x).predict(np.array([[14, 7]], "uint8"), verbose=0))
        [[2. 0.]]
    """
    input_shape = check_sizes("input_shape", input_shape, example=(28, 28, 1))
    if input_dtype not in INPUT_DTYPES:
        raise unknown("input dtype", input_dtype, INPUT_DTYPES)
    inputs = keras.Input(input_shape, dtype=input_dtype, name=name)
    if preprocessing is not None:
        return inputs, preprocessing(inputs)
    if mean is None and variance is None:
        # Keras casts float inputs to the dtype of each layer, and leaves integers as they are: cast them here.
        return inputs, inputs if input_dtype == "float32" else keras.layers.Rescaling(1.0, dtype="float32")(inputs)
    mean, variance = _check_moments(mean, variance, channels=input_shape[-1])
    standardize = keras.layers.Normalization(axis=-1, mean=mean.tolist(), variance=variance.tolist(), dtype="float32")
    return inputs, standardize(inputs)


def check_image(model: str, input_shape: Sequence[int], halvings: int) -> None:
    """Raises a `RequestError` unless `input_shape` is an image that can be halved as often as `model` does it.

    Args:
        model: the model as the user knows it: `"resnet of depth 50"`.
        input_shape: shape of one example.
        halvings: number of times that the model halves height and width.

    Example:
        >>> check_image("convnet", (28, 28, 1), halvings=2)
    """
    input_shape = check_sizes("input_shape", input_shape, example=(28, 28, 1))
    if len(input_shape) != 3:
        raise RequestError(f"a {model} needs images of shape (height, width, channels), not inputs of {input_shape}")
    minimum = 2**halvings
    if min(input_shape[:2]) < minimum:
        height, width, _ = input_shape
        raise RequestError(
            f"a {model} halves the image {halvings} times and needs at least {minimum} x {minimum} pixels, "
            f"not {height} x {width}"
        )


def check_sizes(name: str, sizes: Any, example: Sequence[int], empty: bool = False) -> tuple[int, ...]:
    """Returns `sizes` as a tuple of integers from 1, or raises a `RequestError`.

    Args:
        name: what the sizes are, as the user knows them.
        sizes: the value given.
        example: sizes that would do.
        empty: whether there may be none.

    Example:
        >>> check_sizes("hidden", [64, 32.0], example=(128, 128))
        (64, 32)
    """
    if not isinstance(sizes, (tuple, list)) or not (sizes or empty):
        raise RequestError(f"{name} must be a list of integers, such as {list(example)}, not {sizes!r}")
    return tuple(int(check_number(f"each of {name}", size, minimum=1, integer=True)) for size in sizes)


def _check_moments(mean, variance, channels):
    if mean is None or variance is None:
        raise RequestError("mean and variance must be given together, or neither")
    mean, variance = np.asarray(mean, np.float64), np.asarray(variance, np.float64)
    if mean.shape != (channels,) or variance.shape != (channels,):
        raise RequestError(
            f"mean and variance must have one number for each of the {channels} channels, "
            f"not the shapes {mean.shape} and {variance.shape}"
        )
    if not (np.isfinite(mean).all() and np.isfinite(variance).all() and (variance >= 0).all()):
        raise RequestError("mean and variance must be finite, and no variance negative")
    constant = is_constant(mean, variance)
    return mean, np.where(constant, np.maximum(1.0, mean**2), variance)

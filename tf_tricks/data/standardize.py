"""Mean and variance of the training inputs: what standardization subtracts and divides by."""

from typing import Any

import numpy as np

from tf_tricks.data.in_order import in_order
from tf_tricks.running_moments import RunningMoments


def mean_and_variance(source: Any, chunk: int = 250) -> tuple[list[float], list[float]]:
    """Returns the mean and the variance of each channel (of images) or feature (of vectors) over all of `source`.

    The population variance, (1/n) Σ (x − mean)², gathered chunk by chunk in float64. Standardization is then
    (x − mean) / √(variance + ε), the lecture's eq. (6). A channel that is constant has variance 0, and is returned as
    it is: ε, or a floor, is the business of the layer that divides.

    Args:
        source: a source of `tf_tricks.data`; to standardize with, its training part only.
        chunk: examples read at a time.

    Returns:
        (mean, variance), lists of floats, one for each place of the inputs' last axis.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.data.array_source import ArraySource
        >>> mean_and_variance(ArraySource(np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([0, 1])))
        ([1.0, 5.0], [1.0, 0.0])
    """
    channels = source.input_shape[-1]
    moments, shift = RunningMoments(), None
    for inputs, *_ in in_order(source, chunk):
        values = inputs.reshape(len(inputs), -1).astype("float64")
        if shift is None:
            # Sums of x − shift, with a shift near the mean, keep their digits however far the mean is from 0.
            shift = values.reshape(-1, channels).mean(axis=0)
        values -= np.tile(shift, values.shape[1] // channels)
        n = values.size // channels
        # Column by column first, and the columns of a channel at the end: NumPy adds long rows five times as fast.
        sums = values.sum(axis=0), np.square(values, out=values).sum(axis=0)
        first, second = (total.reshape(-1, channels).sum(axis=0) / n for total in sums)
        moments.add(n, shift + first, n * np.maximum(second - first**2, 0.0))
    return moments.mean.tolist(), moments.variance.tolist()

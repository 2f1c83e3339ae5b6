"""What the inputs were that a model was trained on, as a run keeps it, and what of pictures must become such inputs."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_tricks.data.array_source import ArraySource
from tf_tricks.errors import RequestError

_SAMPLE = 1024
_SAMPLE_TO_DECODE = 16


class InputSpec(NamedTuple):
    """What the training inputs were: a single array.

    Attributes:
        shape: of one input.
        dtype: its name.
        range: the smallest and the largest value of images, in a sample of them; None of other inputs.
    """

    shape: list[int]
    dtype: str
    range: list[float] | None = None


def spec_of(source: Any) -> InputSpec | None:
    """Returns the `InputSpec` of a source's inputs, None where they are a structure of several.

    Example:
        >>> spec_of(ArraySource(np.full((3, 4, 4, 1), 7, "uint8"), np.arange(3)))
        InputSpec(shape=[4, 4, 1], dtype='uint8', range=[7.0, 7.0])
    """
    index = tf.zeros([1], tf.int64)
    first = source.fetch(index, index)[0]
    if tf.nest.is_nested(first):
        return None
    spec = InputSpec([int(length) for length in first.shape[1:]], first.dtype.name)
    if len(first.shape) != 4 or first.dtype == tf.string:
        return spec
    number = min(source.num_examples, _SAMPLE if isinstance(source, ArraySource) else _SAMPLE_TO_DECODE)
    indices = tf.constant(np.linspace(0, source.num_examples - 1, number).astype("int64"))
    images = np.asarray(source.fetch(indices, indices)[0])
    return spec._replace(range=[float(images.min()), float(images.max())])


def white_of(spec: InputSpec | None) -> float:
    """Returns the value that a picture's 255 is to have: 255, or 16 or 1 where the training images went up to that.

    Args:
        spec: of the training images, or None where it is not known.

    Raises:
        RequestError: their values are none that pictures could be brought to.

    Example:
        >>> white_of(InputSpec([8, 8, 1], "float32", [0.0, 0.97]))
        1.0
    """
    if spec is None or spec.range is None:
        return 255.0
    low, high = spec.range
    if low < 0 or high > 255:
        raise RequestError(
            f"the run was trained on images with values from {low:.4g} to {high:.4g}, and those of pictures are 0 to "
            "255: how they came to that is not known, so bring the pictures to it and give them as an .npz"
        )
    return next(white for white in (1.0, 16.0, 255.0) if high <= white)

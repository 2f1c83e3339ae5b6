"""Functions of a pixel's three channels.

Compiled for a CPU, a loop over the values of [b, h, w, 3] finds out for each of them which channel it is, and works a
pixel out three times. A loop over pixels becomes vector instructions. So where TensorFlow runs on a CPU, one program
makes a word of the three bytes of each pixel, and a second one takes the words apart, which is a copy.
"""

from collections.abc import Callable, Sequence

from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, fused
from tf_tricks.augment.functional.dtypes import is_uint8, like


def per_pixel(function: Callable[..., Sequence[Tensor]], images: Tensor, *arguments) -> Tensor:
    """Returns the images whose channels are `function(red, green, blue, *arguments)`.

    Args:
        function: gives three channels of three, [b, h, w] each, of the images' dtype or of one that is rounded and
            clipped to its range; a pure function of `keras.ops`, defined in a module, as for `fused`.
        images: [b, h, w, 3] of any dtype.
        *arguments: tensors and Python numbers.

    Example:
        >>> import numpy as np
        >>> def to_right(red, green, blue):
        ...     return blue, red, green
        >>> np.asarray(per_pixel(to_right, np.array([[[[1, 2, 3]]]], "uint8"))).ravel().tolist()
        [3, 1, 2]
    """
    images = ops.convert_to_tensor(images)
    if can_fuse(images) and is_uint8(images):
        return _bytes(_words(images, function, *arguments))
    return _stacked(images, function, *arguments)


@fused
def _stacked(images, function, *arguments):
    channels = function(*(images[..., n] for n in range(3)), *arguments)
    return like(ops.stack(channels, axis=-1), images)


@fused
def _words(images, function, *arguments):
    """Returns the pixels of uint8 images, int32 [b, h, w]: red in the lowest byte, then green and blue."""
    channels = function(*(images[..., n] for n in range(3)), *arguments)
    red, green, blue = (ops.cast(like(channel, images), "int32") for channel in channels)
    return red + 2**8 * green + 2**16 * blue


@fused
def _bytes(words):
    """Returns the channels of pixels, uint8 [b, h, w, 3]."""
    import tensorflow as tf

    return tf.bitcast(words, tf.uint8)[..., :3]

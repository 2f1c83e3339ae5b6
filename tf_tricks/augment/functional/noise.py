"""Noise of the normal distribution on images, made of random words."""

import math

import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import fused
from tf_tricks.augment.functional.dtypes import is_uint8, like, per_example


def normal_pair(words: Tensor) -> tuple[Tensor, Tensor]:
    """Returns two numbers of the standard normal distribution for each word, float32 (Box & Muller 1958).

    They are √(−2 log u) cos 2πv and √(−2 log u) sin 2πv with 16 bits for u and 16 for v, far finer than the levels of
    an image; the largest number is 4.86. Sine and cosine are polynomials in the distance from the nearest quarter turn,
    right to 10⁻⁶: so XLA makes vector instructions of all of it. TensorFlow's own kernel for normal numbers takes
    several times as long on a CPU.

    Args:
        words: uint32, random.
    """
    u = (ops.cast(ops.right_shift(words, np.uint32(16)), "float32") + 0.5) * 2.0**-16
    turned = ops.cast(ops.bitwise_and(words + np.uint32(2**13), np.uint32(0xFFFF)), "int32")
    quarter = ops.right_shift(turned, 14)
    x = ops.cast(ops.bitwise_and(turned, 2**14 - 1) - 2**13, "float32") * np.float32(math.pi / 2**15)
    xx = x * x
    sine = x * (1 - xx * (1 / 6 - xx * (1 / 120 - xx * (1 / 5040 - xx / 362880))))
    cosine = 1 - xx * (1 / 2 - xx * (1 / 24 - xx * (1 / 720 - xx / 40320)))
    swapped = ops.equal(ops.bitwise_and(quarter, 1), 1)
    along, across = ops.where(swapped, sine, cosine), ops.where(swapped, cosine, sine)
    along = ops.where(ops.equal(ops.bitwise_and(quarter + 1, 2), 2), -along, along)
    across = ops.where(quarter >= 2, -across, across)
    radius = ops.sqrt(-2.0 * ops.log(u))
    return radius * along, radius * across


def noisy(images: Tensor, noise: Tensor, stddev: Tensor, low: float, high: float) -> Tensor:
    """Returns images with `noise`, float32 like them, times `stddev`, float32 [b]."""
    noisy = ops.cast(images, "float32") + per_example(stddev, noise) * noise
    if is_uint8(images):
        return like(noisy, images)
    return ops.cast(ops.clip(noisy, low, high), images.dtype)


@fused
def noisy_by_words(images: Tensor, words: Tensor, stddev: Tensor, low: float, high: float) -> Tensor:
    """Returns what `noisy` does, each half of an image by itself, for the sake of vector instructions.

    Args:
        images: [b, h, w, c].
        words: random, uint32 [b, half the values of an image, rounded up], of which `normal_pair` makes the noise.
        stddev: float32 [b].
        low: the smallest value.
        high: the largest value.
    """
    values, half = ops.reshape(images, (images.shape[0], -1)), words.shape[1]
    one, other = normal_pair(words)
    other = other[:, : values.shape[1] - half]
    parts = [
        noisy(part, noise, stddev, low, high) for part, noise in ((values[:, :half], one), (values[:, half:], other))
    ]
    return ops.reshape(ops.concatenate(parts, axis=1), images.shape)

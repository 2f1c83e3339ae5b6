"""Random numbers by the many: of a block of streams, and for each pixel, functions of (seed, position, pixel).

The pixels' numbers are made in two equal ways. Their generator is Philox-4x32 with 10 rounds, which makes four words
of a key and a counter (Salmon et al. 2011, doi:10.1145/2063384.2063405). TensorFlow has a kernel for it: the n-th four
words of a call are the cipher of counter + n. An example at position k with m words owns the counters k·⌈m/4⌉, …,
(k + 1)·⌈m/4⌉ − 1, so that one call serves a batch of consecutive positions. Where XLA compiles, the same numbers come
from integer arithmetic.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.dispatch import can_fuse, fused, has_host_kernels
from tf_tricks.augment.functional.noise import noisy, noisy_by_words, normal_pair
from tf_tricks.augment.randomness.threefry import bits, unit, words_of

_FACTORS = 0xD2511F53, 0xCD9E8D57
_KEY_STEPS = 0x9E3779B9, 0xBB67AE85


def philox4x32(key: Sequence[Tensor], counter: Sequence[Tensor]) -> Sequence[Tensor]:
    """Returns the four uint32 words that Philox-4x32, 10 rounds, makes of `counter` under `key`.

    Args:
        key: pair of uint32 tensors or arrays.
        counter: four uint32 tensors or arrays; all broadcast against each other.

    Example:
        >>> import numpy as np
        >>> zero = np.zeros(1, "uint32")
        >>> [hex(int(word[0])) for word in philox4x32((zero, zero), (zero, zero, zero, zero))]
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    key, words = (tuple(ops.convert_to_tensor(word) for word in group) for group in (key, counter))
    for _ in range(10):
        (high0, low0), (high1, low1) = multiply(words[0], _FACTORS[0]), multiply(words[2], _FACTORS[1])
        words = (
            ops.bitwise_xor(ops.bitwise_xor(high1, words[1]), key[0]),
            low1,
            ops.bitwise_xor(ops.bitwise_xor(high0, words[3]), key[1]),
            low0,
        )
        key = tuple(word + np.uint32(step) for word, step in zip(key, _KEY_STEPS))
    return words


def multiply(words: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    """Returns the high and the low word of the product of `words`, uint32, and `factor`, a Python int below 2³²."""
    low, high = np.uint32(factor & 0xFFFF), np.uint32(factor >> 16)
    ones, sixteen = np.uint32(0xFFFF), np.uint32(16)
    word_low, word_high = ops.bitwise_and(words, ones), ops.right_shift(words, sixteen)
    cross = word_high * low
    middle = ops.right_shift(word_low * low, sixteen) + ops.bitwise_and(cross, ones) + word_low * high
    high_word = word_high * high + ops.right_shift(cross, sixteen) + ops.right_shift(middle, sixteen)
    return high_word, words * np.uint32(factor)


def uniform_pixels(draws: Any, shape: Sequence[int]) -> Tensor:
    """Returns numbers uniform in [0, 1), multiples of 2⁻²⁴, float32 [b, *shape]; one draw.

    Args:
        draws: `Draws`.
        shape: of one example, static.
    """
    number = math.prod(shape)
    if has_host_kernels():
        return ops.reshape(unit(_by_kernel(draws, number)), (-1, *shape))
    return unit(_by_arithmetic(draws, number, _index(shape)))


def normal_pixels(draws: Any, shape: Sequence[int]) -> Tensor:
    """Returns numbers of the standard normal distribution, float32 [b, *shape]; one draw.

    Each word makes two, see `normal_pair`: one for the first half of an example's numbers, one for the second.

    Args:
        draws: `Draws`.
        shape: of one example, static.
    """
    number = math.prod(shape)
    half = -(-number // 2)
    if has_host_kernels():
        both = ops.concatenate(normal_pair(_normal_words(draws, shape)), axis=1)
        return ops.reshape(both[:, :number], (-1, *shape))
    index = _index(shape)
    one, other = normal_pair(_by_arithmetic(draws, half, index % half))
    return ops.where(index < half, one, other)


def _normal_words(draws, shape):
    """Returns the words of `normal_pixels`, uint32 [b, half the numbers], by TensorFlow's kernel; one draw."""
    return _by_kernel(draws, -(-math.prod(shape) // 2))


def add_noise(images: Tensor, draws: Any, stddev: Tensor, low: float, high: float) -> Tensor:
    """Returns images with noise of the normal distribution on each value, clipped to their range; one draw.

    Args:
        images: uint8 or floats [b, h, w, c] in [low, high].
        draws: `Draws`.
        stddev: float32 [b], in the images' unit.
        low: the smallest value.
        high: the largest value.
    """
    shape = images.shape[1:]
    if can_fuse(images):
        return noisy_by_words(images, _normal_words(draws, shape), stddev, low, high)
    return noisy(images, normal_pixels(draws, shape), stddev, low, high)


@fused
def bits_of_streams(low: Tensor, high: Tensor, seed: int | Tensor, first: int, number: int) -> Tensor:
    """Returns the bits of streams first, …, first + number − 1 for positions of these words, uint32 [number, b]."""
    return bits(seed, (low, high), list(range(first, first + number)))


def _index(shape):
    """Returns the place of each number in the row of all of an example, int32 [1, *shape]."""
    return ops.reshape(ops.arange(math.prod(shape), dtype="int32"), (1, *shape))


def _by_arithmetic(draws, number, index):
    """Returns of the `number` words of each example the one at `index`, int32 [1, ...]: uint32 [b, ...].

    For each word all four of its counter are made: arithmetic is cheap where XLA fuses it, and to lay four words side
    by side would take passes over the memory.
    """
    seed, stream = draws.shared_key()
    low, high = (ops.reshape(word, (-1, *[1] * (len(index.shape) - 1))) for word in words_of(draws.positions))
    groups = -(-number // 4)
    carry, first = multiply(low, groups)
    index = ops.cast(index, "uint32")
    counter = first + ops.right_shift(index, np.uint32(2))
    carry = carry + ops.cast(counter < first, "uint32") + high * np.uint32(groups)
    zero = ops.zeros_like(counter)
    words = philox4x32((ops.cast(seed, "uint32"), np.uint32(stream)), (counter, carry, zero, zero))
    place = ops.bitwise_and(index, np.uint32(3))
    result = words[3]
    for i in (2, 1, 0):
        result = ops.where(ops.equal(place, np.uint32(i)), words[i], result)
    return result


def _by_kernel(draws, number):
    """Returns the `number` words of each example, uint32 [b, number]."""
    import tensorflow as tf

    seed, stream = draws.shared_key()
    low, high = (tf.cast(word, tf.int64) for word in words_of(draws.positions))
    positions = low + tf.bitwise.left_shift(high, tf.constant(32, tf.int64))
    groups = -(-number // 4)
    key = tf.reshape(tf.bitcast(tf.cast(seed, tf.int64) + tf.constant(stream << 32, tf.int64), tf.uint64), [1])

    def words(position, rows):
        counter = tf.bitcast(tf.stack([position * groups, tf.zeros_like(position)]), tf.uint64)
        shape = tf.stack([rows, groups * 4])
        philox = 1  # its number among TensorFlow's algorithms
        make = tf.raw_ops.StatelessRandomUniformFullIntV2
        return make(shape=shape, key=key, counter=counter, alg=philox, dtype=tf.uint32)[:, :number]

    def of_each():
        spec = tf.TensorSpec([number], tf.uint32)
        return tf.map_fn(lambda position: words(position, 1)[0], positions, fn_output_signature=spec)

    consecutive = tf.reduce_all(tf.equal(positions[1:], positions[:-1] + 1))
    first = tf.reduce_sum(positions[:1])  # 0 of no examples
    return tf.cond(consecutive, lambda: words(first, tf.shape(positions)[0]), of_each)

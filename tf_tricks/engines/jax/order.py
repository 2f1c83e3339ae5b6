"""The order of the stream, computed on the device: which example is at which place.

The same permutation as TensorFlow's `RandomIndexShuffle` with four rounds, which `data.stream.permuted` takes: a block
cipher of the Simon family (Beaulieu et al. 2013, eprint 2013/404) whose values beyond the last index are enciphered
again until they fall within (cycle walking). JAX has no integers of 64 bits by default; 32 are enough for sources of
fewer than 2³² examples.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from tf_tricks.annotations import Tensor

_SMALLEST_BLOCK = 16  # bits
_KEY_CONSTANT = 0xFFFFFFFC ^ 1


class Turn(NamedTuple):
    """A place in the stream as uint32 scalars: `place = epoch · num_examples + index`.

    Attributes:
        low: low word of the place.
        high: high word of the place.
        epoch: of the order; its low word, which is all that the cipher takes.
        index: within the epoch.
    """

    low: Tensor
    high: Tensor
    epoch: Tensor
    index: Tensor


def turn_at(place: int, num_examples: int) -> Turn:
    """Returns the `Turn` of a Python integer, the place k of an example.

    Example:
        >>> [int(part) for part in turn_at(2**32 + 12, 10)]
        [12, 1, 429496730, 8]
    """
    epoch, index = divmod(place, num_examples)
    parts = place % 2**32, place // 2**32, epoch % 2**32, index
    return Turn(*(np.asarray(part, "uint32") for part in parts))


def after(turn: Turn, number: int, num_examples: int) -> Turn:
    """Returns the `Turn` that comes `number` examples later; `number` is at most `num_examples`."""
    low = turn.low + np.uint32(number)
    high = turn.high + (low < turn.low).astype("uint32")
    left = np.uint32(num_examples) - turn.index  # to the end of this epoch; no sum that could overflow
    over = left <= np.uint32(number)
    index = jnp.where(over, np.uint32(number) - left, turn.index + np.uint32(number))
    return Turn(low, high, turn.epoch + over.astype("uint32"), index)


def indices_from(turn: Turn, number: int, num_examples: int, seed: int) -> Tensor:
    """Returns the indices of the `number` examples at and after `turn`, uint32 [number].

    Args:
        turn: of the first.
        number: at most `num_examples`.
        num_examples: of the source, fewer than 2³².
        seed: of the stream.
    """
    steps = jnp.arange(number, dtype="uint32")
    left = np.uint32(num_examples) - turn.index
    over = steps >= left
    index = jnp.where(over, steps - left, turn.index + steps)
    return shuffled(index, turn.epoch + over.astype("uint32"), num_examples, seed)


def shuffled(index: Tensor, epoch: Tensor, num_examples: int, seed: int) -> Tensor:
    """Returns where the permutation of (seed, epoch) takes each index, uint32 [b].

    Args:
        index: uint32 [b], each below `num_examples`.
        epoch: uint32 [b].
        num_examples: from 1 to 2³² − 1.
        seed: an integer from 0; its low word counts.

    Example:
        >>> order = shuffled(jnp.arange(5, dtype="uint32"), jnp.zeros(5, "uint32"), 5, seed=3)
        >>> sorted(order.tolist())
        [0, 1, 2, 3, 4]
    """
    if num_examples == 1:
        return jnp.zeros_like(index)
    bits = max(_SMALLEST_BLOCK, (num_examples - 1).bit_length())
    width = (bits + bits % 2) // 2
    mask = np.uint32(2**width - 1)

    def left(x, by):
        return ((x << by) | (x >> (width - by))) & mask

    def right(x, by):
        return ((x >> by) | (x << (width - by))) & mask

    def mixed(x):
        return (left(x, 1) & left(x, 8)) ^ left(x, 2)

    first = np.uint32(seed % 2**32) & mask
    keys = [first, epoch & mask, np.uint32(0), np.uint32(_KEY_CONSTANT) & mask ^ first]

    def encipher(x):
        high, low = x >> width, x & mask
        for one, other in (keys[:2], keys[2:]):
            high = high ^ mixed(low) ^ one
            low = low ^ mixed(high) ^ other
        return (high << width) | low

    last = np.uint32(num_examples - 1)
    return jax.lax.while_loop(
        lambda x: jnp.any(x > last), lambda x: jnp.where(x > last, encipher(x), x), encipher(index)
    )

"""Counter-based random numbers: every draw is a pure function of (seed, position), so no state is kept or passed on.

An augmentation that draws from here gives example k of the stream the same randomness whatever the batch size, the
number of replicas, or the step at which a run was resumed.

The generator is Threefry-2x32 with 20 rounds: a block cipher whose key is (seed, stream) and whose plaintext is the
position. Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", doi:10.1145/2063384.2063405.
"""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import check_number

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA  # the key schedule's constant: the third word of the key is the parity of the other two
_LARGEST = 2**32 - 1


def threefry2x32(key: Sequence[Tensor], counter: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns the two uint32 words that Threefry-2x32, 20 rounds, makes of `counter` under `key`.

    Args:
        key: pair of uint32 tensors or arrays.
        counter: pair of uint32 tensors or arrays; key and counter broadcast against each other.

    Example:
        >>> import numpy as np
        >>> zero = np.zeros(1, "uint32")
        >>> [hex(int(word[0])) for word in threefry2x32((zero, zero), (zero, zero))]
        ['0x6b200159', '0x99ba4efe']
    """
    # Sums are written with +, since ops.add(x, y) takes a y of shape [n, 1] for the bias of an x of shape [n, n].
    key, counter = (tuple(ops.convert_to_tensor(word) for word in pair) for pair in (key, counter))
    words = (*key, ops.bitwise_xor(ops.bitwise_xor(*key), np.uint32(_PARITY)))
    x, y = counter[0] + words[0], counter[1] + words[1]
    for i in range(5):
        for rotation in _ROTATIONS[i % 2]:
            x = x + y
            y = ops.bitwise_xor(_rotate_left(y, rotation), x)
        x = x + words[(i + 1) % 3]
        y = y + (words[(i + 2) % 3] + np.uint32(i + 1))
    return x, y


def bits(seed: int | Tensor, positions: Tensor | tuple[Tensor, Tensor], stream: int | Sequence[int]) -> Tensor:
    """Returns 32 random bits for each position.

    Args:
        seed: the run's seed, from 0 to 2³² − 1, a Python int or a scalar tensor.
        positions: [b] integers from 0: the place k of each example in the stream; or a pair of [b] uint32, its low
            and its high word, where the backend has no 64-bit integers.
        stream: a Python int from 0 to 2³² − 1 that names the draw, or a list of n such: draws with different streams
            are independent.

    Returns:
        uint32 [b], or [n, b] for a list of streams (one pass instead of n).

    Raises:
        RequestError: the seed or the stream is out of range.

    Example:
        >>> import numpy as np
        >>> hex(int(bits(0, np.array([0]), stream=0)[0]))
        '0x6b200159'
    """
    if isinstance(seed, (int, float)):
        check_number("seed", seed, minimum=0, maximum=_LARGEST, integer=True)
        seed = np.uint32(seed)
    for one in np.ravel(stream).tolist():
        check_number("stream", one, minimum=0, maximum=_LARGEST, integer=True)
    key = ops.cast(seed, "uint32"), ops.convert_to_tensor(np.asarray(stream, "uint32")[..., np.newaxis])
    return threefry2x32(key, words_of(positions))[0]


def uniform(seed: int | Tensor, positions: Tensor | tuple[Tensor, Tensor], stream: int | Sequence[int]) -> Tensor:
    """Returns float32 numbers, uniform in [0, 1), for each position: multiples of 2⁻²⁴.

    Args:
        seed: as in `bits`.
        positions: as in `bits`.
        stream: as in `bits`.

    Returns:
        float32 [b], or [n, b] for a list of streams.

    Example:
        >>> import numpy as np
        >>> float(uniform(0, np.array([0]), stream=0)[0]) == (0x6B200159 >> 8) / 2**24
        True
    """
    return unit(bits(seed, positions, stream))


def unit(words: Tensor) -> Tensor:
    """Returns the numbers in [0, 1), float32, that the upper 24 of the 32 bits of `words` (uint32) stand for."""
    # A float32 has 24 significant bits, so this conversion and this product are exact on every device.
    return ops.cast(ops.right_shift(words, np.uint32(8)), "float32") * 2.0**-24


def integers(
    seed: int | Tensor, positions: Tensor | tuple[Tensor, Tensor], stream: int | Sequence[int], low: int, high: int
) -> Tensor:
    """Returns integers, uniform in low, …, high − 1, for each position.

    The number is low + ⌊bits·(high − low) / 2³²⌋, in integers throughout; no value's probability is off by more
    than 2⁻³².

    Args:
        seed: as in `bits`.
        positions: as in `bits`.
        stream: as in `bits`.
        low: the smallest number, a Python int.
        high: one more than the largest, at most low + 2¹⁶.

    Returns:
        int32 [b], or [n, b] for a list of streams.

    Raises:
        RequestError: the range is empty or too wide.

    Example:
        >>> import numpy as np
        >>> int(integers(0, np.array([0]), stream=0, low=-4, high=5)[0]) == -4 + (0x6B200159 * 9 >> 32)
        True
    """
    return scaled(bits(seed, positions, stream), low, high)


def scaled(words: Tensor, low: int, high: int) -> Tensor:
    """Returns the integers low + ⌊words·(high − low) / 2³²⌋, int32; `high` is at most low + 2¹⁶."""
    span = check_number("high - low", high - low, minimum=1, maximum=2**16, integer=True)
    sixteen, span = np.uint32(16), np.uint32(span)
    # The product needs 48 bits: multiply the halves, carry the low one's overflow into the high one's.
    carry = ops.right_shift(ops.multiply(ops.bitwise_and(words, np.uint32(0xFFFF)), span), sixteen)
    product = ops.multiply(ops.right_shift(words, sixteen), span) + carry
    return ops.cast(ops.right_shift(product, sixteen), "int32") + low


def words_of(positions: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Returns the low and the high uint32 word of positions: [b] integers from 0, or already such a pair."""
    if isinstance(positions, (tuple, list)):
        return tuple(ops.cast(word, "uint32") for word in positions)
    positions = ops.convert_to_tensor(positions)
    if keras.backend.standardize_dtype(positions.dtype) not in ("int64", "uint64"):
        low = ops.cast(positions, "uint32")
        return low, ops.zeros_like(low)
    mask = np.array(0xFFFFFFFF, keras.backend.standardize_dtype(positions.dtype))
    high = ops.right_shift(positions, np.array(32, mask.dtype))
    return ops.cast(ops.bitwise_and(positions, mask), "uint32"), ops.cast(ops.bitwise_and(high, mask), "uint32")


def _rotate_left(x, distance):
    return ops.bitwise_or(ops.left_shift(x, np.uint32(distance)), ops.right_shift(x, np.uint32(32 - distance)))

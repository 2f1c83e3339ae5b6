"""The random numbers of a batch: for each example its own, a function of (seed, position) only."""

import copy
import math
from typing import Any, Self

import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.functional import elementary
from tf_tricks.augment.randomness import threefry
from tf_tricks.augment.randomness.pixels import bits_of_streams

_BLOCK = 16  # streams made in one pass of the generator: on a CPU a pass of 16 takes hardly longer than one of 1


class Draws:
    """Hands out random numbers, one for each example, each call from another stream.

    The n-th number that is drawn for example k depends on (seed, k, n) alone: not on the batch it is in. What draws
    must therefore draw the same number of times whatever the values are.

    Args:
        seed: integer from 0 to 2³² − 1, a Python int or a scalar tensor.
        positions: [b] integers, the place k of each example in the stream, or a pair of uint32 words [b] (see
            `threefry.bits`).

    Example:
        >>> import numpy as np
        >>> whole, part = (Draws(seed=1, positions=np.arange(*r)) for r in [(0, 8), (4, 8)])
        >>> [bool((np.asarray(whole.uniform())[4:] == np.asarray(part.uniform())).all()) for _ in range(3)]
        [True, True, True]
    """

    def __init__(self, seed: int | Tensor, positions: Tensor | tuple[Tensor, Tensor]):
        self.seed = seed
        self.positions = positions
        self._used = 0
        self._block: Any = None

    @property
    def batch_size(self) -> int | Tensor:
        """Examples, a number or a scalar tensor."""
        positions = self.positions[0] if isinstance(self.positions, (tuple, list)) else self.positions
        return ops.shape(positions)[0]

    @property
    def used(self) -> int:
        """How many numbers have been drawn for each example."""
        return self._used

    def copy(self) -> Self:
        """Returns draws that go on from here by themselves."""
        return copy.copy(self)

    def skip_to(self, other: "Draws") -> None:
        """Goes on where `other`, a copy, has come to."""
        self._used, self._block = other._used, None

    def take(self, rows: Tensor) -> None:
        """Keeps the examples `rows` (indices [n]) only; the numbers of each stay what they are."""
        one = not isinstance(self.positions, (tuple, list))
        taken = [ops.take(words, rows, axis=0) for words in ([self.positions] if one else self.positions)]
        self.positions, self._block = taken[0] if one else tuple(taken), None

    def bits(self) -> Tensor:
        """Returns 32 random bits for each example, uint32 [b]."""
        row = self._used % _BLOCK
        if row == 0 or self._block is None:
            first = self._used - row
            low, high = threefry.words_of(self.positions)
            self._block = bits_of_streams(low, high, self.seed, first, _BLOCK)
        self._used += 1
        return self._block[row]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Returns numbers uniform in [low, high), float32 [b]."""
        numbers = threefry.unit(self.bits())
        return numbers if (low, high) == (0.0, 1.0) else numbers * np.float32(high - low) + np.float32(low)

    def integers(self, low: int, high: int) -> Tensor:
        """Returns integers uniform in low, …, high − 1, int32 [b]."""
        return threefry.scaled(self.bits(), low, high)

    def happens(self, probability: float) -> Tensor:
        """Returns True with the given probability, bool [b]; 0 is never and 1 is always."""
        return self.uniform() < probability

    def sign(self) -> Tensor:
        """Returns −1 or 1 with equal probability, float32 [b]."""
        return 1.0 - 2.0 * ops.cast(threefry.scaled(self.bits(), 0, 2), "float32")

    def exponential(self) -> Tensor:
        """Returns numbers of the exponential distribution with mean 1, float32 [b]: −log(1 − u)."""
        return -elementary.log1p(-self.uniform())

    def normal(self) -> Tensor:
        """Returns numbers of the standard normal distribution, float32 [b] (Box & Muller 1958)."""
        return ops.sqrt(2.0 * self.exponential()) * elementary.cos(self.uniform(0.0, 2.0 * math.pi))

    def pixel_key(self) -> tuple[Tensor, Tensor]:
        """Returns two uint32 words [b] from which numbers for each pixel of an example can be made."""
        return self.bits(), self.bits()

    def shared_key(self) -> tuple[int | Tensor, int]:
        """Returns (seed, n), n this draw's number: a key for all examples, whose positions tell their numbers apart."""
        number = self._used
        if number % _BLOCK == 0:
            self._block = None  # it is not made here, and what is there belongs to earlier numbers
        self._used += 1
        return self.seed, number


def of_generator(seed_generator: Any, batch_size: int | Tensor) -> Draws:
    """Returns the `Draws` of a batch whose place in a stream is not known: from a Keras `SeedGenerator`, once a call.

    Args:
        seed_generator: a `keras.random.SeedGenerator`.
        batch_size: examples, a number or a scalar tensor.
    """
    state = ops.cast(seed_generator.next(), "uint32")
    rows = ops.cast(ops.arange(batch_size), "uint32")
    return Draws(state[0], (rows, ops.zeros_like(rows) + state[1]))

"""The place of an example in the stream: an int64, or two words where a backend has no integers of 64 bits.

On TensorFlow a place is an int64 tensor. On JAX, which has 32 bits, it is a pair of uint32 (low word, high word), the
same numbers in another form.
"""

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Tensor

Place = Tensor | tuple[Tensor, Tensor]

_SPREAD = 0x9E3779B1  # odd: no two places share a counter. A layer that is called n times takes n counters in a row


def words(place: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the (low, high) words of a Python integer from 0 to 2⁶⁴ − 1, as uint32 of NumPy.

    Example:
        >>> [int(word) for word in words(2**32 + 3)]
        [3, 1]
    """
    return np.asarray(place % 2**32, "uint32"), np.asarray(place // 2**32, "uint32")


def places_from(place: Place, number: int | Tensor) -> Place:
    """Returns the places of `number` examples that follow each other, the first at `place`; [number] each.

    Example:
        >>> low, high = places_from(words(2**32 - 1), 2)
        >>> np.asarray(low).tolist(), np.asarray(high).tolist()
        ([4294967295, 0], [0, 1])
    """
    if isinstance(place, tuple):
        steps = ops.arange(number, dtype="uint32")
        low = place[0] + steps
        return low, place[1] + ops.cast(low < steps, "uint32")
    return place + ops.arange(number, dtype="int64")


def seeds_at(states: Iterable[keras.Variable], place: Place) -> list[tuple[keras.Variable, Tensor]]:
    """Returns (state, value) for each state of a seed generator: what it is to be for a pass that begins at `place`."""
    if isinstance(place, tuple):
        added = ops.stack([place[1], place[0] * np.uint32(_SPREAD)])
    else:
        added = ops.stack([place // 2**32, (place % 2**32) * _SPREAD % 2**32])
    return [(state, state.value + ops.cast(added, state.dtype)) for state in states]

"""Inputs without labels, reached by their index."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tf_tricks.annotations import Structure


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Inputs without labels.

    Attributes:
        keys: what each is called: the path of a picture in its folder, or the number of a row, from 0.
        fetch: function of an int64 array [b] of indices that returns the inputs [b', ...] of those that can be read, in
            the model's structure, and a dict of place in the batch to reason for those that cannot.
        said: lines for the user, on what was done to the inputs that nobody asked for.
    """

    keys: Sequence[Any]
    fetch: Callable[[np.ndarray], tuple[Structure, dict[int, str]]]
    said: tuple[str, ...] = ()

"""Names for what the signatures take."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Tensor: TypeAlias = Any
"""A tensor of the backend, or a NumPy array where values are known."""

Shape: TypeAlias = tuple[int | None, ...]
"""Of a tensor; None is a size that is not known yet."""

Structure: TypeAlias = Any
"""A tensor, or a dict, tuple or list of such."""

Named: TypeAlias = str | Mapping[str, Any]
"""What a config says of a part: its name, or a dict with `name` and its arguments."""

Pair: TypeAlias = Sequence[float]
"""Two numbers (low, high)."""

Forward: TypeAlias = Callable[[Any, bool], Any]
"""A function (inputs, training) -> outputs, in place of a model's call."""

Augment: TypeAlias = Callable[..., Any]
"""A function (images, labels, seed=, positions=) -> (images, labels)."""

"""What to do about a step that does not fit: it depends on what fills the memory."""

import math
from collections.abc import Iterable
from typing import Any

import ml_dtypes  # noqa: F401  (NumPy then knows bfloat16)
import numpy as np

from tf_tricks.tpu.report import in_units


def advice(trainer: Any, needed: int, usable: int) -> str:
    """Returns what makes the step of a trainer smaller.

    Args:
        trainer: `Trainer`.
        needed: bytes that the step needs on each chip.
        usable: bytes that there are.
    """
    model, optimizer = trainer.model.variables, trainer.optimizer.variables
    gradients = size_of(trainer.update.variables)
    kept = size_of(model) + size_of(optimizer) + gradients
    if 2 * kept < needed:
        return "take a smaller batch (find_batch looks for the largest), a micro_batch, or the precision mixed_bfloat16"
    largest = max(model, key=lambda variable: size_of([variable]))
    or_batch = ", or a smaller batch" if kept < usable else ""
    return (
        f"{in_units(kept)} are what every chip holds whatever the batch: the model's variables "
        f"{in_units(size_of(model))}, the optimizer's {in_units(size_of(optimizer))} and the gradients "
        f"{in_units(gradients)}; the largest variable is {largest.path!r}, {list(largest.shape)}, "
        f"{in_units(size_of([largest]))}: make that smaller, take an optimizer that keeps less{or_batch}"
    )


def size_of(variables: Iterable[Any]) -> int:
    """Returns the bytes that Keras variables take."""
    return sum(math.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables)

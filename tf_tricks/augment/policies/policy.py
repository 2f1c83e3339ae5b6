"""What policies that draw from the operations have in common."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.augment.augmentation import Batch, GeometricAugmentation
from tf_tricks.augment.functional.dtypes import like
from tf_tricks.augment.policies.operations import GEOMETRIC, OPERATIONS, RAND_AUGMENT, Choice, check_names, operate
from tf_tricks.augment.randomness.draws import Draws


class Policy(GeometricAugmentation):
    """Base class of policies that draw from the operations.

    Args:
        operations: a list of names of operations; None for the policy's own.
        **keywords: arguments of `GeometricAugmentation`.
    """

    uses_value_range = True
    space = RAND_AUGMENT
    own_operations = OPERATIONS

    def __init__(self, operations: Sequence[str] | None = None, **keywords):
        super().__init__(**keywords)
        self.operations = check_names(operations, self.own_operations)
        self.moves = any(name in GEOMETRIC for name in self.operations)

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with the policy applied."""
        images = batch.images
        if keras.backend.standardize_dtype(images.dtype) in ("float16", "bfloat16"):
            batch = batch._replace(images=ops.cast(images, "float32"))
        done = self.apply(batch, draws, self.range_of(images))
        return done._replace(images=like(done.images, images))

    def apply(self, batch: Batch, draws: Draws, value_range: tuple[float, float]) -> Batch:
        """Returns the batch with the policy applied.

        Args:
            batch: `Batch`.
            draws: `Draws`.
            value_range: (low, high), the smallest and the largest value that images can have.
        """
        raise NotImplementedError

    def operate(self, batch: Batch, choice: Choice, names: Sequence[str], value_range: tuple[float, float]) -> Batch:
        """Returns the batch with one operation applied to each example; see `operate`."""
        return operate(batch, choice, names, self.space, value_range, self.fill_value, self.mask_fill_value)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"operations": list(self.operations)}

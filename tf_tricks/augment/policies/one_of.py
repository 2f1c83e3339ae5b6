"""OneOf: one of several augmentations for each example."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.policies.choose import choose
from tf_tricks.augment.policies.composite import Composite
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register(
    "augment",
    "one_of",
    example={"augmentations": ["invert", {"name": "shear"}, "gaussian_noise"]},
    parts={"augmentations": ["augment"]},
    hand_on=["value_range"],
)
@keras.saving.register_keras_serializable("tf_tricks")
class OneOf(Composite):
    """Applies to each example one of several augmentations, drawn at random.

    Where TensorFlow's kernels can run, each augmentation works on its own examples only. Where XLA compiles, on a TPU
    for example, each works on the whole batch, and the cost is the sum of all.

    Use it for augmentations that would be too much together, such as blur, noise and erasing.

    Avoid it when augmentations do not disturb each other: a `sequence` of them varies more.

    Config:
        config.augment = dict(name="one_of", augmentations=["standard", dict(name="standard", pad=0)])

    Args:
        augmentations: a list of `Augmentation`; in a config, of names or dicts.
        probabilities: a list of as many numbers that sum to 1; None makes all equally likely.
        **keywords: arguments of `Augmentation`: `seed`, `name`, … In a config, a `value_range` goes on to the
            augmentations in the list.

    Raises:
        RequestError: the list is empty, holds what is no augmentation, or one that mixes examples; or the
            probabilities are not as many, or do not sum to 1.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import OneOf, Standard
        >>> policy = OneOf([Standard(flip=False, pad=n) for n in (0, 4)], probabilities=[0.75, 0.25])
        >>> images = policy(np.ones((400, 8, 8, 1), "uint8"), seed=0, positions=np.arange(400))
        >>> bool(70 < np.any(np.asarray(images) == 0, axis=(1, 2, 3)).sum() < 130)
        True
    """

    chooses = True

    def __init__(self, augmentations: Sequence[Augmentation], probabilities: Sequence[float] | None = None, **keywords):
        super().__init__(augmentations, **keywords)
        self.probabilities = None if probabilities is None else self._checked(probabilities)

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with one augmentation applied to each example."""
        number = len(self.augmentations)
        if self.probabilities is None:
            choice = draws.integers(0, number)
        else:
            bounds = np.cumsum(self.probabilities)[:-1].astype("float32")
            above = ops.cast(draws.uniform()[:, None] >= bounds, "int32")
            choice = ops.sum(above, axis=1)
        return choose(batch, draws, choice, [one.transform for one in self.augmentations])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"probabilities": self.probabilities}

    def _checked(self, probabilities):
        number = len(self.augmentations)
        if not isinstance(probabilities, (list, tuple)) or len(probabilities) != number:
            raise RequestError(
                f"probabilities must be a list of {number}, one for each augmentation, not {probabilities!r}"
            )
        checked = [float(check_number("each of the probabilities", p, minimum=0, maximum=1)) for p in probabilities]
        if abs(sum(checked) - 1) > 1e-6:
            raise RequestError(f"probabilities must sum to 1, but these sum to {sum(checked):g}: {list(checked)!r}")
        return checked

"""Apply: an augmentation for some of the examples."""

from typing import Any, Self

import keras
from keras import ops

from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.policies.choose import choose
from tf_tricks.augment.policies.composite import Composite
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register(
    "augment",
    "apply",
    example={"augmentation": {"name": "rotation", "degrees": 40}, "probability": 0.5},
    parts={"augmentation": "augment"},
    hand_on=["value_range"],
)
@keras.saving.register_keras_serializable("tf_tricks")
class Apply(Composite):
    """Applies an augmentation to each example with a given probability, and leaves the others as they are.

    Whether it is applied is drawn for each example independently.

    Use it to make an augmentation rarer, which leaves the network undistorted examples too: most of those here change
    every example.

    Avoid it when the augmentation has a `probability` of its own (`flip`, `random_erasing`), or mixes examples (`mixup`
    and `cutmix` draw how much, often next to nothing).

    Config:
        config.augment = dict(name="apply", augmentation=dict(name="standard", pad=2), probability=0.5)

    Args:
        augmentation: an `Augmentation`; in a config, a name or a dict.
        probability: of an example's being augmented, in [0, 1].
        **keywords: arguments of `Augmentation`: `seed`, `name`, … In a config, a `value_range` goes on to the
            augmentation.

    Raises:
        RequestError: the probability is out of its range, or this is no augmentation, or one that mixes examples.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import Apply, Standard
        >>> policy = Apply(Standard(pad=4), probability=0.0)
        >>> bool(np.all(policy(np.ones((4, 8, 8, 3), "uint8"), seed=0, positions=np.arange(4)) == 1))
        True
    """

    chooses = True

    def __init__(self, augmentation: Augmentation, probability: float, **keywords):
        super().__init__([augmentation], **keywords)
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with some of its examples augmented."""
        chosen = ops.cast(draws.happens(self.probability), "int32")
        return choose(batch, draws, chosen, [lambda batch, draws: batch, self.augmentations[0].transform])

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        config = super().get_config()
        (inner,) = config.pop("augmentations")
        return config | {"augmentation": inner, "probability": self.probability}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Returns the augmentation that `get_config` has described."""
        return cls(**config | {"augmentation": keras.saving.deserialize_keras_object(config["augmentation"])})

"""Sequence: augmentations one after the other."""

import keras

from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.policies.composite import Composite
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.registry import register


@register(
    "augment",
    "sequence",
    example={"augmentations": ["flip", {"name": "cutout", "size": 4}]},
    parts={"augmentations": ["augment"]},
    hand_on=["value_range"],
)
@keras.saving.register_keras_serializable("tf_tricks")
class Sequence(Composite):
    """Applies augmentations one after the other: a policy of your own.

    Each takes what the one before it gives: images, labels and masks. They draw from the same stream of random numbers,
    so that a policy, too, is a function of the seed and the position only. Nothing is converted in between: uint8
    images are uint8 after each augmentation, so that each one that computes new values rounds by up to half a gray
    level. Cast the images to float32 before the sequence where it is long and that should happen once.

    Use it to build a policy: geometry first, then colors, then erasing; mixup or cutmix last.

    Avoid it when a policy of a paper does: `standard`, `rand_augment`, `trivial_augment`, `aug_mix`.

    Config:
        config.augment = dict(name="sequence", augmentations=["standard", dict(name="standard", pad=0)])

    Args:
        augmentations: a list of `Augmentation`; in a config, of names or dicts.
        **keywords: arguments of `Augmentation`: `seed`, `name`, … In a config, a `value_range` goes on to the
            augmentations in the list; those that are objects already have their own.

    Raises:
        RequestError: the list is empty, or holds what is no augmentation.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import Sequence, Standard
        >>> policy = Sequence([Standard(flip=True, pad=0), Standard(flip=False, pad=2)])
        >>> policy(np.ones((4, 8, 8, 3), "uint8"), seed=0, positions=np.arange(4)).shape
        TensorShape([4, 8, 8, 3])
    """

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch after all augmentations."""
        for one in self.augmentations:
            batch = one.transform(batch, draws)
        return batch

"""What augmentations made of other augmentations have in common."""

from collections.abc import Sequence
from typing import Any, Self

import keras

from tf_tricks.annotations import Structure, Tensor
from tf_tricks.augment.augmentation import Augmentation
from tf_tricks.errors import RequestError


class Composite(Augmentation):
    """Base class of augmentations that hold others, which draw one after the other from the same `Draws`.

    Args:
        augmentations: a list of at least one `Augmentation`; in a config, of names or dicts.
        **keywords: arguments of `Augmentation`. The `value_range` of a config goes on to those of its augmentations
            that have none; one that is made already has its own.

    Raises:
        RequestError: there is none, or one is not an augmentation.
    """

    chooses = False
    """Whether some examples get one augmentation and others another, so that none may mix examples."""

    def __init__(self, augmentations: Sequence[Augmentation], **keywords):
        super().__init__(**keywords)
        kind = type(self).__name__
        if not isinstance(augmentations, (list, tuple)) or not augmentations:
            raise RequestError(f"{kind} takes a list of one or more augmentations, not {augmentations!r}")
        for one in augmentations:
            if not isinstance(one, Augmentation):
                raise RequestError(f"{kind} takes augmentations such as tt.augment.Standard(), not {one!r}")
            if self.chooses and one.mixes:
                raise RequestError(
                    f"{type(one).__name__} mixes examples, so it cannot be inside of {kind}, where some examples would "
                    "miss their partners; it can be in a Sequence"
                )
        self.augmentations = list(augmentations)
        self.mixes = any(one.mixes for one in augmentations)
        self.moves = any(one.moves for one in augmentations)

    def build(self, *shapes) -> None:
        """Marks the augmentations as built; they have no weights.

        Args:
            *shapes: of the inputs.
        """
        for one in self.augmentations:
            one.built = True

    def check_images(self, images: Tensor) -> None:
        """Raises a `RequestError` if one of the augmentations cannot take these images."""
        super().check_images(images)
        for one in self.augmentations:
            one.check_images(images)

    def check_labels(self, labels: Structure | None) -> None:
        """Raises a `RequestError` if one of the augmentations cannot take these labels."""
        for one in self.augmentations:
            one.check_labels(labels)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        inner = [keras.saving.serialize_keras_object(one) for one in self.augmentations]
        return super().get_config() | {"augmentations": inner}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Returns the augmentation that `get_config` has described."""
        inner = [keras.saving.deserialize_keras_object(one) for one in config["augmentations"]]
        return cls(**config | {"augmentations": inner})

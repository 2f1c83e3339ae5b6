"""Mixup: sums of two examples."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.functional.pairs import mix_values
from tf_tricks.augment.mixing.pair_mixing import Beta, PairMixing
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "mixup", example={"num_classes": 5})
@keras.saving.register_keras_serializable("tf_tricks")
class Mixup(PairMixing):
    """Replaces each image by a weighted mean of two, and its label likewise.

    With (x, y) an example, (x', y') its partner and y one-hot (Zhang et al. 2018, arXiv:1710.09412),

        λ ~ Beta(α, α),  x ← λ x + (1 − λ) x',  y ← λ y + (1 − λ) y',

    so that the network is to change linearly between examples: it is less sure of itself there, and of wrong labels.
    The partner of the example at position k is that at k XOR 1, and each example draws its own λ (the paper has one λ
    for a whole batch). Labels become floats [b, num_classes], which the losses and the accuracy of this package take.

    Use it when a classifier overfits in a long training: α = 0.2 for ImageNet, 1 for CIFAR. Little weight decay goes
    with it.

    Avoid it when training is short, when positions matter (it knows no masks), or when the network is to be a teacher.

    Config:
        config.augment = dict(name="mixup", alpha=0.2)

    Args:
        alpha: α, above 0: small ones mix few examples much, 1 makes λ uniform.
        num_classes: how many classes there are, for labels that are integers [b]; `tf-tricks train` fills it in.
        total_epochs: epochs of the run, for `off_epochs`; `tf-tricks train` fills it in.
        num_examples: examples in an epoch, for `off_epochs`; `tf-tricks train` fills it in.
        **keywords: arguments of `PairMixing` and of `Augmentation`: `probability` of mixing an example, `off_epochs`
            before the end without mixing, `regression=True` for labels that are floats [b, d], `seed`, `name`, …

    Raises:
        RequestError: an argument is out of its range, the batch is odd, there are masks, or labels that cannot be
            mixed.

    Example:
        >>> import numpy as np
        >>> images, labels = np.zeros((4, 8, 8, 3), "float32"), np.array([0, 1, 2, 2])
        >>> images, labels = Mixup(num_classes=3)(images, labels, seed=0, positions=np.arange(4))
        >>> np.asarray(labels).sum(axis=1).tolist(), np.asarray(labels)[2:].tolist()
        ([1.0, 1.0, 1.0, 1.0], [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    """

    kind = "mixup"

    def __init__(
        self,
        alpha: float = 0.2,
        num_classes: int | None = None,
        total_epochs: float | None = None,
        num_examples: int | None = None,
        **keywords,
    ):
        super().__init__(num_classes=num_classes, total_epochs=total_epochs, num_examples=num_examples, **keywords)
        self.alpha = float(check_number("alpha", alpha, above=0))
        self._beta = Beta(self.alpha)

    def mix(self, batch: Batch, draws: Draws, mixed: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Returns images, no masks, and the weights λ."""
        refuse_masks(self.kind, batch.masks)
        weights = ops.where(mixed, self._beta(draws), 1.0)
        return mix_values(batch.images, weights), None, weights

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"alpha": self.alpha}


def refuse_masks(name: str, masks: Tensor | None) -> None:
    """Raises a `RequestError` if there are masks."""
    if masks is not None:
        raise RequestError(f"{name} cannot mix masks, whose values are numbers of classes; cutmix can")

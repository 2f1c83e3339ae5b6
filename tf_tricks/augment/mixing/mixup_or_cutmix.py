"""Mixup or CutMix, for each example one of the two."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.functional.pairs import mix_values, partners
from tf_tricks.augment.functional.rectangles import paste
from tf_tricks.augment.mixing.cutmix import draw_rectangle
from tf_tricks.augment.mixing.mixup import refuse_masks
from tf_tricks.augment.mixing.pair_mixing import Beta, PairMixing
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "mixup_or_cutmix", example={"num_classes": 5})
@keras.saving.register_keras_serializable("tf_tricks")
class MixupOrCutMix(PairMixing):
    """Mixes each example with its partner, by mixup or by cutmix.

    The two have different strengths, and strong recipes alternate them: DeiT (Touvron et al. 2021, arXiv:2012.12877)
    has α = 0.8 for mixup and 1 for cutmix, each half of the time, with label smoothing 0.1; mixup is of Zhang et al.
    2018, arXiv:1710.09412, and cutmix of Yun et al. 2019, arXiv:1905.04899. Here each example chooses for itself (DeiT
    chooses for a whole batch), with the partner at position k XOR 1. Labels become floats [b, num_classes], which the
    losses and the accuracy of this package take.

    Use it when a large network trains for long: hundreds of epochs.

    Avoid it when training is short, when there are masks, or when mixup or cutmix alone is strong enough.

    Config:
        config.augment = dict(name="mixup_or_cutmix", mixup_alpha=0.8, cutmix_alpha=1.0)

    Args:
        mixup_alpha: α of mixup, above 0.
        cutmix_alpha: α of cutmix, above 0.
        switch_probability: that an example which is mixed is so by cutmix, from 0 to 1.
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
        >>> images = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype("float32")
        >>> images, labels = MixupOrCutMix(num_classes=2)(images, np.array([0, 1]), seed=3, positions=np.arange(2))
        >>> bool(np.allclose(np.asarray(images).mean(axis=(1, 2, 3)), np.asarray(labels)[:, 1]))
        True
    """

    kind = "mixup_or_cutmix"

    def __init__(
        self,
        mixup_alpha: float = 0.8,
        cutmix_alpha: float = 1.0,
        switch_probability: float = 0.5,
        num_classes: int | None = None,
        total_epochs: float | None = None,
        num_examples: int | None = None,
        **keywords,
    ):
        super().__init__(num_classes=num_classes, total_epochs=total_epochs, num_examples=num_examples, **keywords)
        self.mixup_alpha = float(check_number("mixup_alpha", mixup_alpha, above=0))
        self.cutmix_alpha = float(check_number("cutmix_alpha", cutmix_alpha, above=0))
        self.switch_probability = float(check_number("switch_probability", switch_probability, minimum=0, maximum=1))
        self._mixup_beta = Beta(self.mixup_alpha)
        self._cutmix_beta = Beta(self.cutmix_alpha)

    def mix(self, batch: Batch, draws: Draws, mixed: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Returns images, no masks, and the weight of each example's own label."""
        refuse_masks(self.kind, batch.masks)
        cut = draws.happens(self.switch_probability)
        weights = ops.where(ops.logical_and(mixed, ops.logical_not(cut)), self._mixup_beta(draws), 1.0)
        rectangle = draw_rectangle(batch.images, draws, self._cutmix_beta, ops.logical_and(mixed, cut))
        # Of each example one of the two does nothing: its weight is 1, or its rectangle empty.
        images, shown = paste(mix_values(batch.images, weights), partners(batch.images), rectangle)
        return images, None, weights * shown

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        names = ("mixup_alpha", "cutmix_alpha", "switch_probability")
        return super().get_config() | {name: getattr(self, name) for name in names}

"""CutMix: a rectangle of another image is pasted in."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.augment.augmentation import Batch, on_masks
from tf_tricks.augment.functional.pairs import partners
from tf_tricks.augment.functional.rectangles import paste
from tf_tricks.augment.mixing.pair_mixing import Beta, PairMixing
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import check_number
from tf_tricks.registry import register


@register("augment", "cutmix", example={"num_classes": 5})
@keras.saving.register_keras_serializable("tf_tricks")
class CutMix(PairMixing):
    """Pastes a rectangle of another image over each, and mixes the labels by area.

    With (x, y) an example, (x', y') its partner and y one-hot (Yun et al. 2019, arXiv:1905.04899),

        λ ~ Beta(α, α),  y ← λ' y + (1 − λ') y',

    and a rectangle of √(1 − λ) of the image's height and width, whose center is uniform over the image, shows x'. What
    sticks out at the border is lost: λ' is the part of the area that still shows x. Like cutout it makes the network
    use all parts of an object, without pixels that tell nothing. The partner of the example at position k is that at k
    XOR 1, and each example draws its own λ and place (the paper has the same for a whole batch). Masks are pasted too.
    Labels become floats [b, num_classes], which the losses and the accuracy of this package take.

    Use it when a classifier or segmenter overfits in a long training: the paper trains for 300 epochs.

    Avoid it when training is short, or when the class depends on a small part of the image, which may be covered.

    Config:
        config.augment = dict(name="cutmix", alpha=1.0)

    Args:
        alpha: α, above 0; 1 makes λ uniform.
        num_classes: how many classes there are, for labels that are integers [b]; `tf-tricks train` fills it in.
        total_epochs: epochs of the run, for `off_epochs`; `tf-tricks train` fills it in.
        num_examples: examples in an epoch, for `off_epochs`; `tf-tricks train` fills it in.
        **keywords: arguments of `PairMixing` and of `Augmentation`: `probability` of mixing an example, `off_epochs`
            before the end without mixing, `regression=True` for labels that are floats [b, d], `seed`, `name`, …

    Raises:
        RequestError: an argument is out of its range, the batch is odd, or labels cannot be mixed.

    Example:
        >>> import numpy as np
        >>> images = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype("float32")
        >>> images, labels = CutMix(num_classes=2)(images, np.array([0, 1]), seed=3, positions=np.arange(2))
        >>> bool(np.allclose(np.asarray(images).mean(axis=(1, 2, 3)), np.asarray(labels)[:, 1]))
        True
    """

    kind = "cutmix"

    def __init__(
        self,
        alpha: float = 1.0,
        num_classes: int | None = None,
        total_epochs: float | None = None,
        num_examples: int | None = None,
        **keywords,
    ):
        super().__init__(num_classes=num_classes, total_epochs=total_epochs, num_examples=num_examples, **keywords)
        self.alpha = float(check_number("alpha", alpha, above=0))
        self._beta = Beta(self.alpha)

    def mix(self, batch: Batch, draws: Draws, mixed: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Returns images and masks with rectangles of the partners', and the weights λ'."""
        rectangle = draw_rectangle(batch.images, draws, self._beta, mixed)
        images, weights = paste(batch.images, partners(batch.images), rectangle)
        masks = None if batch.masks is None else ops.convert_to_tensor(batch.masks)
        return images, on_masks(lambda planes: paste(planes, partners(planes), rectangle)[0], masks), weights

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        return super().get_config() | {"alpha": self.alpha}


def draw_rectangle(images: Tensor, draws: Draws, beta: Beta, mixed: Tensor) -> tuple[Tensor, ...]:
    """Returns top, left, height and width of a rectangle for each example, int32 [b]; it may stick out.

    Args:
        images: [b, height, width, channels].
        draws: `Draws`.
        beta: `Beta`, of which λ is drawn; the rectangle has the part 1 − λ of the area.
        mixed: bool [b]; where it is False the rectangle is empty.
    """
    side_part = ops.sqrt(1.0 - beta(draws))
    starts, sizes = [], []
    for side in images.shape[1:3]:
        size = ops.where(mixed, ops.cast(ops.round(side_part * float(side)), "int32"), 0)
        starts.append(draws.integers(0, side) - size // 2)
        sizes.append(size)
    return *starts, *sizes

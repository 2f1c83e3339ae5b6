"""Mixing of examples in pairs: what mixup and cutmix have in common.

The partner of the example at position k of the stream is the one at k XOR 1, its neighbour in the shuffled order. A
pair lies in every batch of an even size that starts at an even position, so that the result is the same for any such
batch size, on any number of devices, and again after a resume.
"""

from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.special import betaincinv

from tf_tricks.annotations import Tensor
from tf_tricks.augment.arguments import concrete
from tf_tricks.augment.augmentation import Augmentation, Batch
from tf_tricks.augment.functional.pairs import mix_values
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.augment.randomness.threefry import words_of
from tf_tricks.errors import RequestError, check_number

_QUANTILES = 4096


class PairMixing(Augmentation):
    """Base class: checks the batch, says which examples are mixed, and mixes the labels.

    Labels become a distribution: λ of the example's own label and 1 − λ of its partner's. Integers [b] become
    one-hot float32 [b, num_classes] first; floats [b, num_classes] are mixed as they are.

    Args:
        num_classes: K, how many classes there are, for labels that are integers; `tf-tricks train` fills it in.
        regression: whether labels that are floats [b, d] may be mixed, numbers as they are, without being
            distributions.
        probability: that an example is mixed, from 0 to 1.
        off_epochs: how many epochs before the end of the run mixing ends, from 0: networks profit from ending the
            training on whole images. Needs calls with positions, and the next two arguments.
        total_epochs: epochs of the run; `tf-tricks train` fills it in.
        num_examples: examples in an epoch; `tf-tricks train` fills it in.
        **keywords: arguments of `Augmentation`.

    Raises:
        RequestError: an argument is out of its range or missing.
    """

    mixes = True
    kind = "mixing"
    """What it is called in messages."""

    def __init__(
        self,
        num_classes: int | None = None,
        regression: bool = False,
        probability: float = 1.0,
        off_epochs: float = 0,
        total_epochs: float | None = None,
        num_examples: int | None = None,
        **keywords,
    ):
        super().__init__(**keywords)
        if num_classes is not None:
            num_classes = int(check_number("num_classes", num_classes, minimum=2, integer=True))
        if not isinstance(regression, bool):
            raise RequestError(f"regression must be True or False, not {regression!r}")
        self.num_classes = num_classes
        self.regression = regression
        self.probability = float(check_number("probability", probability, minimum=0, maximum=1))
        self.off_epochs = check_number("off_epochs", off_epochs, minimum=0)
        if off_epochs and (total_epochs is None or num_examples is None):
            raise RequestError("off_epochs needs total_epochs and num_examples, so that the end of the run is known")
        for name, number in (("total_epochs", total_epochs), ("num_examples", num_examples)):
            setattr(self, name, number if number is None else check_number(name, number, above=0))

    def transform(self, batch: Batch, draws: Draws) -> Batch:
        """Returns the batch with examples mixed in pairs."""
        self._check(batch, draws)
        mixed = ops.logical_and(draws.happens(self.probability), self._before_the_end(draws.positions))
        images, masks, weights = self.mix(batch, draws, mixed)
        return batch._replace(images=images, masks=masks, labels=self._mixed_labels(batch.labels, weights))

    def mix(self, batch: Batch, draws: Draws, mixed: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """Returns images, masks and the weight of each example's own label, float32 [b].

        Args:
            batch: `Batch`.
            draws: `Draws`.
            mixed: bool [b], whether to mix; an example that is not keeps its image and has the weight 1.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        names = ("num_classes", "regression", "probability", "off_epochs", "total_epochs", "num_examples")
        return super().get_config() | {name: getattr(self, name) for name in names}

    def _check(self, batch, draws):
        size, first = batch.images.shape[0], concrete(words_of(draws.positions)[0][:1])
        if batch.labels is None:
            raise RequestError(f"{self.kind} mixes labels too: call it with images and labels")
        if isinstance(batch.labels, dict):
            raise RequestError(f"{self.kind} mixes labels that are one tensor, not a dict: give it the classes alone")
        if size is not None and size % 2:
            raise RequestError(f"{self.kind} needs an even batch on each device, not {size}")
        if first is not None and first.size and first[0] % 2:
            raise RequestError(f"{self.kind} needs batches that start at an even position, so that pairs stay together")

    def _before_the_end(self, positions):
        if not self.off_epochs:
            return True
        end = max(0, round((self.total_epochs - self.off_epochs) * self.num_examples))
        low, high = words_of(positions)
        end_low, end_high = np.uint32(end % 2**32), np.uint32(end // 2**32)
        return ops.logical_or(high < end_high, ops.logical_and(ops.equal(high, end_high), low < end_low))

    def _mixed_labels(self, labels, weights):
        labels = ops.convert_to_tensor(labels)
        shape = tuple(labels.shape)
        is_float = "float" in keras.backend.standardize_dtype(labels.dtype)
        is_distribution = len(shape) == 2 and shape[1] == self.num_classes and shape[1] > 1
        if is_float and not is_distribution and not self.regression:
            raise RequestError(
                f"{self.kind} takes floats as labels if they are distributions [batch, num_classes], or with "
                f"regression=True, not {list(shape)} with num_classes={self.num_classes}"
            )
        if not is_float and is_distribution:
            labels = ops.cast(labels, "float32")
        elif not is_float:
            if self.num_classes is None:
                raise RequestError(f"{self.kind} needs num_classes to mix labels that are integers")
            if shape[1:] not in ((), (1,)):
                raise RequestError(f"{self.kind} takes integers [batch] as labels, not {list(shape)}")
            self._check_classes(concrete(labels))
            labels = ops.one_hot(ops.reshape(labels, (-1,)), self.num_classes, dtype="float32")
        return mix_values(labels, weights)

    def _check_classes(self, labels):
        """Looks at labels whose values are known; a class too many would be a row of zeros."""
        if labels is not None and labels.size and not (0 <= labels.min() and labels.max() < self.num_classes):
            raise RequestError(
                f"{self.kind} takes labels from 0 to {self.num_classes - 1} with num_classes={self.num_classes}, "
                f"not {labels.min()} to {labels.max()}"
            )


class Beta:
    """Draws λ of the distribution Beta(α, α): one of 4096 equally likely quantiles, which are computed once.

    Args:
        alpha: α, above 0.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment.randomness.draws import Draws
        >>> numbers = np.asarray(Beta(0.2)(Draws(0, np.arange(9999))))
        >>> bool(abs(numbers.mean() - 0.5) < 0.02), bool(abs(numbers.var() - 0.25 / 1.4) < 0.01)
        (True, True)
    """

    def __init__(self, alpha: float):
        middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
        self.quantiles = betaincinv(alpha, alpha, middles).astype("float32")

    def __call__(self, draws: Draws) -> Tensor:
        """Returns a number for each example, float32 [b] in [0, 1]; one draw."""
        return ops.take(ops.convert_to_tensor(self.quantiles), draws.integers(0, _QUANTILES), axis=0)

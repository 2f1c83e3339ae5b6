"""AugMix."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.augment.augmentation import Batch
from tf_tricks.augment.functional.colour import blend_chains
from tf_tricks.augment.policies.operations import AUG_MIX, GEOMETRIC, Choice
from tf_tricks.augment.policies.policy import Policy
from tf_tricks.augment.randomness.draws import Draws
from tf_tricks.errors import RequestError, check_number
from tf_tricks.registry import register


@register("augment", "aug_mix")
@keras.saving.register_keras_serializable("tf_tricks")
class AugMix(Policy):
    """Mixes each image with several chains of random operations applied to it.

    AugMix (Hendrycks et al. 2019, arXiv:1912.02781) makes networks robust against corruptions that they have not seen.
    Of each image x, `width` chains of 1, …, `depth` random operations are made, and mixed with it:

        y = (1 − m) x + m (w₁ chain₁(x) + w₂ chain₂(x) + …),   w ~ Dirichlet(1, …, 1),   m ~ Beta(1, 1)

    Each operation of a chain is one of nine, all equally likely, with a magnitude of its own, uniform in
    [0.1, severity] / 10 = m', and a random sign: shear_x and shear_y (slope ± 0.3 m'), translate_x and translate_y
    (± m'/3 of the width or height, in whole pixels), rotate (± 30° m'), posterize (4 − round(4 m') bits are kept),
    solarize (inverts what is at least 256 (1 − m'), for uint8), autocontrast, equalize. The paper leaves out
    brightness, color, contrast and sharpness, since its test corruptions have them; they can be named, with factors
    1 ± 0.9 m'.

    Images of uint8 are rounded after each operation and once more when they are mixed; the paper's code mixes what the
    network takes, normalized floats, and rounds nothing there, which is up to half a level of 255.

    The paper's loss has a further term, which pulls the predictions for two mixes of an image and the image itself
    together; that is a matter of the loss, and not part of this.

    Use it when images in use will be noisier, blurred or of other cameras than those in training; after `standard` or a
    random resized crop, with the paper's width 3, depth 3 and severity 3 (1 for ImageNet).

    Avoid it when time is short, since up to width · depth operations are computed for each image, or when masks must
    follow: the mixed images have been moved apart.

    Config:
        config.augment = dict(name="aug_mix", severity=3)

    Args:
        width: how many chains; an integer from 1.
        depth: the largest length of a chain; an integer from 1.
        severity: the largest magnitude, from 0.1 to 10.
        operations: a list of names of operations; None for the nine.
        **keywords: `fill_value`, in the images' unit, `value_range`, of images that are floats, `seed`, and arguments
            of `keras.layers.Layer`.

    Raises:
        RequestError: a number is out of its range, there is no such operation, or there are masks and an operation that
            moves pixels.

    Example:
        >>> import numpy as np
        >>> from tf_tricks.augment import AugMix
        >>> images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3)).astype("uint8")
        >>> augmented = AugMix(severity=3)(images, seed=0, positions=np.arange(4))
        >>> np.asarray(augmented).shape, np.asarray(augmented).dtype
        ((4, 32, 32, 3), dtype('uint8'))
    """

    space = AUG_MIX
    own_operations = (*GEOMETRIC, "posterize", "solarize", "autocontrast", "equalize")

    def __init__(
        self, width: int = 3, depth: int = 3, severity: float = 3, operations: Sequence[str] | None = None, **keywords
    ):
        super().__init__(operations, **keywords)
        self.width = int(check_number("width", width, minimum=1, integer=True))
        self.depth = int(check_number("depth", depth, minimum=1, integer=True))
        self.severity = float(check_number("severity", severity, minimum=0.1, maximum=10))

    def apply(self, batch: Batch, draws: Draws, value_range: tuple[float, float]) -> Batch:
        """Returns the batch with mixed images."""
        moving = [name for name in self.operations if name in GEOMETRIC]
        if batch.masks is not None and moving:
            raise RequestError(f"AugMix mixes images that {moving[0]} has moved apart, so that no mask can follow")
        images = batch.images
        weights = [draws.exponential() for _ in range(self.width)]
        mixed = draws.uniform()
        chains = [self._chain(draws) for _ in range(self.width)]
        # All chains are one batch, of which each step is an operation.
        names = (*(name for name in self.operations if name != "identity"), "identity")
        many = Batch(ops.concatenate([images] * self.width, axis=0))
        for step in zip(*chains):
            choice = Choice(*(ops.concatenate(parts, axis=0) for parts in zip(*step)))
            many = self.operate(many, choice, names, value_range)
        return batch._replace(images=blend_chains(images, many.images, weights, mixed))

    def _chain(self, draws):
        """Returns the `Choice` of each step of a chain; after its end it is the identity, the last of the names."""
        number = len(self.operations)
        length = draws.integers(1, self.depth + 1)
        choices = []
        for step in range(self.depth):
            drawn, sign = draws.integers(0, number), draws.sign()
            last = number - 1 if "identity" in self.operations else number
            drawn = ops.where(length > step, drawn, last)
            choices.append(Choice(drawn, sign, draws.uniform(0.01, self.severity / 10)))
        return choices

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make this augmentation again."""
        own = {"width": self.width, "depth": self.depth, "severity": self.severity}
        return super().get_config() | own

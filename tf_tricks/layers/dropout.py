"""Dropout in its two conventions: scaled in training, or scaled at test time as in the papers."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Tensor
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.registry import register


def keep_mask(shape: Sequence[Any], rate: float, seed: int | keras.random.SeedGenerator) -> Tensor:
    """Returns booleans that are False with probability `rate`, independently of each other.

    They are drawn from float32 numbers whatever the dtype policy. (On TensorFlow, `keras.random.dropout` draws them in
    its input's dtype. In bfloat16 these are multiples of 1/128, so that a rate of 0.01 drops 1.6 %.)

    Args:
        shape: shape of the mask.
        rate: probability of False, in [0, 1].
        seed: a `keras.random.SeedGenerator`, which moves on by one draw, or an int.

    Returns:
        bool tensor of that shape.

    Example:
        >>> import keras
        >>> bool(keras.ops.all(keep_mask((2, 3), rate=0.0, seed=1)))
        True
    """
    return keras.random.uniform(shape, dtype="float32", seed=seed) >= rate


@register("layers", "dropout", example={"rate": 0.3, "scaling": "test"})
@keras.saving.register_keras_serializable("tf_tricks")
class Dropout(keras.layers.Dropout):
    """Sets units to zero at random in training, scaled in training or at test time.

    Keeps units from relying on each other's errors ("co-adaptation"), as if many thinned networks were trained and
    averaged (Srivastava et al. 2014, JMLR 15, 1929-1958; Hinton et al. 2012, arXiv:1207.0580). Each unit x of each
    example is dropped with probability p = `rate`. So that its mean at test is that of training, it is scaled:

        scaling="train":  training y = m x / (1 - p),  test y = x              ("inverted dropout", as in Keras)
        scaling="test":   training y = m x,            test y = (1 - p) x      (as in the papers)

    with m = 0 with probability p, else 1. Both are the same model up to a factor on the next layer's weights, hence on
    its learning rate and its weight decay. The papers' p is the probability of keeping; here it is that of dropping.
    Keras's own `Dropout` has the first convention only, and under the policies mixed_bfloat16 and mixed_float16 on
    TensorFlow it rounds the rate up to a multiple of 1/128 or 1/1024; here the rate is right in every precision.

    Replicas of `tt.Trainer` draw different masks. In `keras.Model.fit` under a distribution strategy all of them draw
    the same one, since each has the same state of the seed; so it is with every layer that draws.

    Use it when a network with wide dense layers overfits: 0.5 on hidden layers, 0.1 to 0.2 on inputs.

    Avoid it when data abound or the network underfits, and before batch normalization: the variance that dropout adds
    in training is missing at test time, and the moving statistics are then wrong (Li et al. 2018, arXiv:1801.05134). On
    convolutions neighbours carry the same information: `drop_block` is better there.

    Config:
        config.model = dict(name="mlp", hidden=(64,), dropout=dict(name="dropout", rate=0.5, scaling="test"))

    Args:
        rate: p, the probability of dropping a unit, in [0, 1]; 1 gives zeros in training.
        scaling: where survivors are scaled, `"train"` (the default) or `"test"`.
        noise_shape: shape of the mask, None where it is that of the inputs, 1 where it is shared: `(None, 1, 1, None)`
            drops whole channels of images. By default each unit has its own.
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: the rate is not in [0, 1], the scaling is unknown, or the noise shape does not fit the inputs.

    Example:
        >>> import numpy as np
        >>> layer = Dropout(0.25, scaling="test")
        >>> np.asarray(layer(np.ones((1, 4)))).tolist()
        [[0.75, 0.75, 0.75, 0.75]]
        >>> set(np.unique(layer(np.ones((8, 100)), training=True)).tolist()) == {0.0, 1.0}
        True
    """

    def __init__(
        self,
        rate: float,
        scaling: str = "train",
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **keywords,
    ):
        super().__init__(check_number("rate", rate, minimum=0, maximum=1), noise_shape, seed, **keywords)
        if scaling not in ("train", "test"):
            raise unknown("scaling", scaling, ["train", "test"])
        self.scaling = scaling

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Returns the inputs, some of them dropped in training.

        Args:
            inputs: floats [b, ...].
            training: whether to drop.
        """
        in_training, at_test = self._factors()
        if training and self.rate > 0:
            kept = keep_mask(self._mask_shape(inputs), self.rate, self.seed_generator)
            return ops.where(kept, _scaled(inputs, in_training), 0)
        return inputs if training else _scaled(inputs, at_test)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"scaling": self.scaling}

    def _factors(self):
        if self.scaling == "test":
            return 1, 1 - self.rate
        return (1 / (1 - self.rate) if self.rate < 1 else 0), 1

    def _mask_shape(self, inputs):
        shape = ops.shape(inputs)
        if self.noise_shape is None:
            return shape
        if len(self.noise_shape) != len(shape):
            raise RequestError(
                f"noise_shape must have {len(shape)} entries, as many as the inputs have axes, not {self.noise_shape}"
            )
        return tuple(size if given is None else given for given, size in zip(self.noise_shape, shape))


def _scaled(inputs, factor):
    return inputs if factor == 1 else inputs * factor

"""Stochastic depth: residual branches that are dropped as a whole."""

from typing import Any

import keras
from keras import ops

from tf_tricks.errors import check_number
from tf_tricks.layers.dropout import Dropout
from tf_tricks.registry import register


@register("layers", "stochastic_depth", example={"rate": 0.2})
@keras.saving.register_keras_serializable("tf_tricks")
class StochasticDepth(Dropout):
    """Drops a residual branch as a whole, for each example with some probability.

    Goes between a branch and the addition of its shortcut: `x + StochasticDepth(p)(branch(x))`. In training the network
    is shorter by the dropped branches, so that gradients reach the first layers; at test it has its full depth (Huang
    et al. 2016, arXiv:1603.09382). With m = 0 with probability p = `rate`, else 1, one m for each example:

        scaling="train":  training y = m x / (1 - p),  test y = x              (timm's DropPath)
        scaling="test":   training y = m x,            test y = (1 - p) x      (the paper)

    The paper draws one m for the whole batch, which saves the work of the dropped branch; one for each example makes
    less noisy gradients, has static shapes, and saves no work. The paper's rates grow with depth: see `linear_decay`.

    Use it when a residual network is deep (50 layers and more, transformers) and trains for long: 0.1 to 0.5 at the
    last block, less before it.

    Avoid it when the network is shallow or underfits, and on a branch without a shortcut beside it: the signal would
    end there.

    Config:
        config.model = dict(name="resnet", depth=8, stochastic_depth=0.2)

    Args:
        rate: p, the probability of dropping the branch, in [0, 1].
        scaling: where survivors are scaled, `"train"` (the default) or `"test"`.
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: the rate is not in [0, 1], or the scaling is unknown.

    Example:
        >>> import numpy as np
        >>> branch = np.asarray(StochasticDepth(0.5, seed=1)(np.ones((100, 2, 2, 3)), training=True))
        >>> sorted({tuple(np.unique(example).tolist()) for example in branch})
        [(0.0,), (2.0,)]
    """

    def __init__(self, rate: float, scaling: str = "train", seed: int | None = None, **keywords):
        super().__init__(rate, scaling, seed=seed, **keywords)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        config = super().get_config()
        del config["noise_shape"]
        return config

    def _mask_shape(self, inputs):
        return (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)


def linear_decay(final_rate: float, layer: int, num_layers: int) -> float:
    """Returns the rate of one residual block when rates grow linearly with depth.

    The first blocks, whose features all others use, are dropped least (Huang et al. 2016, arXiv:1603.09382, equation
    4, there for the probability of survival). For block l of L:

        p_l = l / L · p_L

    Args:
        final_rate: p_L, the last block's rate, in [0, 1]; the paper has 0.5.
        layer: l, from 1 (0 is the stem, which is never dropped) to L.
        num_layers: L, the number of blocks.

    Raises:
        RequestError: a number is out of its range.

    Example:
        >>> [linear_decay(0.5, layer, 4) for layer in (1, 2, 3, 4)]
        [0.125, 0.25, 0.375, 0.5]
    """
    check_number("final_rate", final_rate, minimum=0, maximum=1)
    check_number("num_layers", num_layers, minimum=1, integer=True)
    check_number("layer", layer, minimum=0, maximum=num_layers, integer=True)
    return layer / num_layers * final_rate

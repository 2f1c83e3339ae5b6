"""DropBlock: dropout of contiguous regions of feature maps."""

from typing import Any

import keras
from keras import ops

from tf_tricks.annotations import Shape, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.layers.dropout import keep_mask
from tf_tricks.registry import register


@register("layers", "drop_block", example={"rate": 0.2, "block_size": 3})
@keras.saving.register_keras_serializable("tf_tricks")
class DropBlock2D(keras.layers.Layer):
    """Sets square blocks of feature maps to zero at random in training.

    Neighbouring units of a feature map carry the same information, so that dropout of single units removes little of
    it; DropBlock removes regions (Ghiasi et al. 2018, arXiv:1810.12890). Every block_size × block_size square that lies
    inside the map of height h and width w is dropped with probability γ, independently for each example and channel,
    and what remains of an example is scaled so that its number of units stays the same:

        γ = rate / block_size² · h w / ((h - block_size + 1) (w - block_size + 1))
        y = x ∘ M · count(M) / count_ones(M)

    where M is 0 in the blocks and 1 elsewhere, counted over all units of one example. (The authors' code counts over
    the whole batch, which would make an example's output depend on the others.) Blocks may overlap, so the part that is
    dropped is somewhat below the rate, and only a rate of 1 is treated apart: everything is dropped. block_size = 1 is
    dropout; block_size = h = w drops whole channels. The paper lets the rate grow linearly from 0 over the run; here it
    is fixed.

    Use it when a convolutional network trains for long on large images: the paper's rate 0.1 and block_size 7 in the
    last two groups of a ResNet-50, on the shortcuts too.

    Avoid it when maps are small (a block should cover a part of the map), or the run is short: the paper's gains need
    about three times the usual epochs.

    Config:
        config.model = dict(name="convnet", dropout=dict(name="drop_block", rate=0.1, block_size=3))

    Args:
        rate: the part of units to drop, in [0, 1].
        block_size: height and width of a block in units, from 1 to the map's smaller side; the paper has 7.
        seed: an int, or None for a random one.
        **keywords: arguments of `keras.layers.Layer`: `name`, `dtype`, ...

    Raises:
        RequestError: a number is out of its range, the block is larger than the map, or the map's height and width are
            not static.
        ValueError: the inputs are not maps [b, h, w, channels]; this sentence is Keras's.

    Example:
        >>> import numpy as np
        >>> layer = DropBlock2D(rate=0.2, block_size=2, seed=3)
        >>> kept = np.asarray(layer(np.ones((1, 6, 6, 1)), training=True))[0, :, :, 0] > 0
        >>> bool(kept.any()), bool(np.all(layer(np.ones((1, 6, 6, 1))) == 1))
        (True, True)
    """

    drops_in_training = True  # and `training` means nothing else, see `monte_carlo_predict`

    def __init__(self, rate: float, block_size: int = 7, seed: int | None = None, **keywords):
        super().__init__(**keywords)
        self.input_spec = keras.layers.InputSpec(ndim=4)
        self.rate = check_number("rate", rate, minimum=0, maximum=1)
        self.block_size = int(check_number("block_size", block_size, minimum=1, integer=True))
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape: Shape) -> None:
        """Checks that a block fits into the maps.

        Args:
            input_shape: [b, h, w, channels].
        """
        self._check(input_shape)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Returns the inputs, with blocks set to zero in training.

        Args:
            inputs: floats [b, h, w, channels].
            training: whether to drop.
        """
        if not training or self.rate == 0:
            return inputs
        kept = self._kept(inputs)
        _, height, width, channels = inputs.shape
        count = ops.sum(ops.cast(kept, "float32"), axis=(1, 2, 3), keepdims=True)
        factor = height * width * channels / ops.maximum(count, 1)
        return ops.where(kept, inputs * ops.cast(factor, inputs.dtype), 0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Returns the shape of the inputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"rate": self.rate, "block_size": self.block_size, "seed": self.seed}

    def _kept(self, inputs):
        size = self.block_size
        self._check(inputs.shape)
        _, height, width, channels = inputs.shape
        if height is None or width is None:
            raise RequestError("drop_block needs maps whose height and width are known when the model is compiled")
        rows, columns = height - size + 1, width - size + 1
        probability = block_rate(self.rate, size, height, width)
        # One draw for each place of a block's upper left corner.
        no_block = keep_mask((ops.shape(inputs)[0], rows, columns, channels), probability, self.seed_generator)
        margin = (size - 1, size - 1)
        blocks = ops.pad(ops.cast(ops.logical_not(no_block), inputs.dtype), ((0, 0), margin, margin, (0, 0)))
        blocks = ops.max_pool(blocks, size, strides=1, padding="valid", data_format="channels_last")
        return blocks == 0

    def _check(self, shape):
        smaller = min((side for side in shape[1:3] if side is not None), default=self.block_size)
        if smaller < self.block_size:
            raise RequestError(
                f"block_size must be at most {smaller}, the smaller side of the maps {tuple(shape[1:])}, not "
                f"{self.block_size}"
            )


def block_rate(rate: float, block_size: int, height: int, width: int) -> float:
    """Returns γ, the probability of dropping each block, for which the part `rate` of a map is in blocks.

    Blocks lie inside the map, which has fewer places for blocks than units (Ghiasi et al. 2018, arXiv:1810.12890,
    equation 1; overlaps are not accounted for). A rate of 1 gives 1:

        γ = rate / block_size² · h w / ((h - block_size + 1) (w - block_size + 1))

    Args:
        rate: the part of units to drop, in [0, 1].
        block_size: height and width of a block.
        height: h, of the map.
        width: w, of the map.

    Example:
        >>> round(block_rate(0.1, block_size=3, height=5, width=5), 4)
        0.0309
    """
    places = (height - block_size + 1) * (width - block_size + 1)
    return 1.0 if rate == 1 else rate / block_size**2 * height * width / places

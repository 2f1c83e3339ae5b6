"""PatchWhitening: a first convolution whose filters whiten the patches of the training images."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Shape, Tensor
from tf_tricks.errors import RequestError, check_number
from tf_tricks.layers.moments import batches_of
from tf_tricks.layers.whitening import whitening_matrix
from tf_tricks.protocols import Source
from tf_tricks.registry import register
from tf_tricks.running_moments import RunningMoments

_AT_ONCE = 64  # images whose patches are in memory together


@register("layers", "patch_whitening", example={"size": 2})
@keras.saving.register_keras_serializable("tf_tricks")
class PatchWhitening(keras.layers.Layer):
    """A convolution, not trained, that gives each patch's whitened components and their negatives.

    Neighbouring pixels nearly repeat each other, so that the first convolution of a network first of all has to learn
    to take differences. `adapt` gathers the mean μ and the covariance U Λ Uᵀ of all patches x of k × k pixels in the
    training images, in float64, and makes filters of it, for d = k² · channels components:

        y = [z, −z] + bias,  z = (Λ + ε λ̄)^(−1/2) Uᵀ (x − μ)  for each patch;  λ̄ = trace(Λ) / d

    so that the outputs are not correlated and have unit variance, but where ε bounds the noise that is blown up. With
    the negatives, an activation like ReLU loses nothing. Only the bias is trained; Jordan trains it for the first three
    epochs. Page 2018, "How to train your ResNet", whose part 8 has it; Jordan 2024, "94% on CIFAR-10 in 3.29 seconds",
    arXiv:2404.00498, section 3.3: 2 × 2 patches, 24 filters. There ε is 5e-4 for pixels of unit variance, as here: λ̄ is
    the variance of a pixel.

    Use it as the first layer of a convolutional network that is trained for few epochs, followed by an activation.

    Avoid it when the network is trained for long, which finds such filters by itself, or on inputs without neighbours.

    Config:
        config.data = dict(name="digits", preprocessing=dict(name="patch_whitening", size=2))

    Args:
        size: k, the side of the patches, at least 1; the output is smaller by k − 1 (`"valid"`).
        epsilon: ε, at least 0.
        use_bias: whether there is a trained bias.
        **keywords: arguments of `keras.layers.Layer`.

    Raises:
        RequestError: an argument is out of its range; the data are empty, no images, or hold NaN or infinite values.

    Example:
        >>> import numpy as np
        >>> layer = PatchWhitening(size=2)
        >>> layer.adapt(np.random.default_rng(0).normal(size=(8, 16, 16, 3)))
        >>> layer(np.zeros((1, 16, 16, 3), "float32")).shape
        TensorShape([1, 15, 15, 24])
    """

    def __init__(self, size: int = 2, epsilon: float = 5e-4, use_bias: bool = True, **keywords: Any):
        # Keras must not cast raw inputs to float16 before they are scaled.
        super().__init__(autocast=False, **keywords)
        self.size = check_number("size", size, minimum=1, integer=True)
        self.epsilon = float(check_number("epsilon", epsilon, minimum=0))
        self.use_bias = use_bias

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the filters: before `adapt`, each gives one value of the patch, or its negative."""
        self._check(input_shape)
        components = self.size**2 * input_shape[-1]
        dtype = keras.backend.result_type(self.variable_dtype, "float32")
        weight = dict(dtype=dtype, trainable=False, autocast=False)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.size, self.size, input_shape[-1], 2 * components),
            initializer=lambda shape, dtype: ops.convert_to_tensor(_filters(np.eye(components), shape), dtype),
            **weight,
        )
        self.offset = self.add_weight(name="offset", shape=(2 * components,), initializer="zeros", **weight)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(2 * components,), initializer="zeros")

    def adapt(self, data: Tensor | Iterable[Any] | Source) -> None:
        """Sets the filters to those that whiten the patches of `data`, read once.

        Args:
            data: images [n, height, width, channels]; or anything that yields batches of them, or tuples (images,
                labels, …), and comes to an end; or a source of `tf_tricks.data`. Of training data only.
        """
        moments = RunningMoments()
        for batch in batches_of(data):
            self._check(batch.shape)
            if not self.built:
                self.build((None, *batch.shape[1:]))
            for i in range(0, len(batch), _AT_ONCE):
                rows = _patches(batch[i : i + _AT_ONCE], self.size)
                mean = rows.mean(axis=0)
                rows -= mean
                moments.add(len(rows), mean, rows.T @ rows)
        epsilon = self.epsilon * np.trace(moments.variance) / len(moments.variance)
        matrix = whitening_matrix(moments.variance, "pca", epsilon)
        self.kernel.assign(_filters(matrix, self.kernel.shape))
        offset = -moments.mean @ matrix
        self.offset.assign(np.concatenate([offset, -offset]))

    def call(self, inputs: Tensor) -> Tensor:
        """Returns [b, height − k + 1, width − k + 1, 2 d], in the layer's compute dtype."""
        kernel, offset = (ops.convert_to_tensor(v) for v in (self.kernel, self.offset))
        outputs = ops.conv(ops.cast(inputs, kernel.dtype), kernel, padding="valid", data_format="channels_last")
        outputs = ops.cast(outputs + offset, self.compute_dtype)
        return outputs + ops.cast(self.bias, self.compute_dtype) if self.use_bias else outputs

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Shape:
        """[b, height − k + 1, width − k + 1, 2 d]."""
        sides = (None if side is None else side - self.size + 1 for side in input_shape[1:3])
        return (input_shape[0], *sides, 2 * self.size**2 * input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return super().get_config() | {"size": self.size, "epsilon": self.epsilon, "use_bias": self.use_bias}

    def _check(self, shape):
        sides = shape[1:3] if len(shape) == 4 else (0,)
        if shape[-1] is None or any(side is not None and side < self.size for side in sides):
            raise RequestError(
                f"patch_whitening needs images [b, height, width, channels] of at least {self.size} × {self.size} "
                f"pixels, not {tuple(shape)}"
            )


def _patches(images, size):
    """All patches of images, float64 [patches, size · size · channels]."""
    windows = np.lib.stride_tricks.sliding_window_view(images, (size, size), axis=(1, 2))
    return np.moveaxis(windows, 3, -1).reshape(-1, size * size * images.shape[-1])


def _filters(matrix, shape):
    """The kernel whose filters are the columns of [d, d], and their negatives."""
    return np.concatenate([matrix, -matrix], axis=1).reshape(shape)

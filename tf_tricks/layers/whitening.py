"""Whitening: inputs without correlations, from the covariance of a data set."""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from tf_tricks.annotations import Shape, Tensor
from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.layers.moments import batches_of
from tf_tricks.protocols import Source
from tf_tricks.registry import register
from tf_tricks.running_moments import RunningMoments

METHODS = ("pca", "zca")
_LARGEST = 2**14


@register("layers", "whitening", example={"method": "zca", "epsilon": 0.1})
@keras.saving.register_keras_serializable("tf_tricks")
class Whitening(keras.layers.Layer):
    """Removes the correlations between input features: the covariance becomes the identity.

    Neighbouring pixels nearly repeat each other, so that a loss is steep in a few directions of the inputs and flat in
    the others; whitening makes it alike in all of them. `adapt` gathers the mean μ and the covariance C = U Λ Uᵀ of the
    flattened examples, in one streaming pass in float64; they are saved with the model. The output is:

        PCA: y = (Λ + ε)^(−1/2) Uᵀ (x − μ)        largest variance first
        ZCA: y = U (Λ + ε)^(−1/2) Uᵀ (x − μ)      still an image; of all whitenings the closest to the input

    Erratum of the lecture: batch norm does **not** reduce correlations. It scales each feature by itself, which leaves
    every correlation coefficient as it was (to 10⁻¹⁵); it takes whitening to make them 0. A direction without variance
    (√λ at most 10⁻⁶ of the largest) gives 0, and not its rounding error divided by √ε. LeCun et al. 1998, "Efficient
    backprop"; Bell & Sejnowski 1997, "The independent components of natural scenes are edge filters" (ZCA); Krizhevsky
    2009, "Learning multiple layers of features from tiny images" (CIFAR-10).

    Use it when a shallow model or an MLP trains slowly on inputs that are strongly correlated; PCA also shortens them.

    Avoid it when the model is a deep convolutional one with batch norm, which gains little; when there are fewer
    examples than features and ε is small, since then noise is blown up to unit variance; or above some thousand
    features: the matrix has their number squared (at most 16384 are allowed).

    Config:
        config.data = dict(name="digits", preprocessing=dict(name="whitening", method="zca"))

    Args:
        method: `"pca"` (default): outputs [b, num_components]; `"zca"`: outputs of the shape of the inputs.
        epsilon: ε, at least 0, in the squared units of the input; default 10⁻⁵, for inputs of about unit scale. Pixels
            from 0 to 255 want about 1 to 100.
        num_components: for PCA, how many directions to keep, those of the largest variance; None (default) for all.

    Raises:
        RequestError: an argument is unusable; the data are empty, of the wrong shape, or hold NaN or infinite values.

    Example:
        >>> import numpy as np
        >>> layer = Whitening("zca", epsilon=0.0)
        >>> layer.adapt(np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]]))
        >>> np.asarray(layer(np.array([[2.0, 4.0]], "float32"))).tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, method: str = "pca", epsilon: float = 1e-5, num_components: int | None = None, **kwargs):
        # Keras must not cast raw inputs to float16 before they are scaled.
        super().__init__(autocast=False, **kwargs)
        if method not in METHODS:
            raise unknown("method of whitening", method, METHODS)
        self.method = method
        self.epsilon = float(check_number("epsilon", epsilon, minimum=0))
        if num_components is not None:
            num_components = int(check_number("num_components", num_components, minimum=1, integer=True))
            if method == "zca":
                raise RequestError('num_components is for method="pca"; "zca" keeps the shape of its inputs')
        self.num_components = num_components

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the weights that hold the mean and the matrix; before `adapt`, those of the identity."""
        if len(input_shape) < 2 or None in input_shape[1:]:
            raise RequestError(f"whitening needs examples of a known shape, not {tuple(input_shape)}")
        size = math.prod(input_shape[1:])
        if size > _LARGEST:
            raise RequestError(f"whitening needs a matrix of the features squared: at most {_LARGEST}, not {size}")
        components = self.num_components or size
        if components > size:
            raise RequestError(f"num_components must be at most the {size} features, not {components}")
        # float16 could not hold the statistics of raw inputs.
        dtype = keras.backend.result_type(self.variable_dtype, "float32")
        weight = dict(dtype=dtype, trainable=False, autocast=False)
        self.mean = self.add_weight(name="mean", shape=(size,), initializer="zeros", **weight)
        self.matrix = self.add_weight(name="matrix", shape=(size, components), initializer="identity", **weight)

    def adapt(self, data: Tensor | Iterable[Any] | Source) -> None:
        """Sets mean and matrix to those that whiten `data`, read once.

        Args:
            data: an array [n, ...]; or anything that yields batches [b, ...], or tuples (inputs, labels, …), and comes
                to an end: a `tf.data.Dataset`, a stream (one epoch), a list, a generator; or a source of
                `tf_tricks.data`. Of training data only.

        Raises:
            RequestError: the data are empty, do not fit the layer, or hold NaN or infinite values.
        """
        moments = RunningMoments()
        for batch in batches_of(data):
            if not self.built:
                self.build((None, *batch.shape[1:]))
            rows = batch.reshape(len(batch), -1)
            if rows.shape[1] != self.mean.shape[0]:
                raise RequestError(f"the layer was built for {self.mean.shape[0]} features, not for {rows.shape[1]}")
            deviations = rows - rows[0]
            mean = deviations.mean(axis=0)
            deviations -= mean
            moments.add(len(rows), rows[0] + mean, deviations.T @ deviations)
        self.mean.assign(moments.mean)
        self.matrix.assign(whitening_matrix(moments.variance, self.method, self.epsilon, self.num_components))

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs whitened, in the layer's compute dtype."""
        mean, matrix = (ops.convert_to_tensor(v) for v in (self.mean, self.matrix))
        rows = ops.reshape(ops.cast(inputs, mean.dtype), (-1, mean.shape[0]))
        outputs = ops.matmul(rows - mean, matrix)
        if self.method == "zca":
            outputs = ops.reshape(outputs, (-1, *inputs.shape[1:]))
        return ops.cast(outputs, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> Shape:
        """[b, num_components] for PCA, the shape of the inputs for ZCA."""
        if self.method == "zca":
            return input_shape
        return (input_shape[0], self.num_components or math.prod(input_shape[1:]))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        config = {"method": self.method, "epsilon": self.epsilon, "num_components": self.num_components}
        return super().get_config() | config


def whitening_matrix(covariance: Tensor, method: str, epsilon: float, num_components: int | None = None) -> np.ndarray:
    """Returns W, float64 [d, components], such that (x − μ) W is whitened.

    Args:
        covariance: float64 [d, d].
        method: `"pca"` or `"zca"`.
        epsilon: added to every eigenvalue.
        num_components: columns of W for PCA, or None for all d.

    Example:
        >>> import numpy as np
        >>> whitening_matrix(np.array([[1.0, 0.0], [0.0, 4.0]]), "pca", epsilon=0.0).tolist()
        [[0.0, 1.0], [0.5, 0.0]]
    """
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = values[::-1], vectors[:, ::-1]
    # An eigenvector's sign is arbitrary: the largest entry is made positive, so that all machines agree.
    largest = np.abs(vectors).argmax(axis=0)
    vectors = vectors * np.sign(vectors[largest, np.arange(len(vectors))])
    resolved = values > 1e-12 * max(values[0], 0.0)
    scale = np.where(resolved, 1.0 / np.sqrt(np.where(resolved, values, 1.0) + epsilon), 0.0)
    matrix = vectors * scale
    return matrix @ vectors.T if method == "zca" else matrix[:, :num_components]

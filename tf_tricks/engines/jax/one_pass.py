"""Batch normalization that reads its inputs once for mean and variance, as it does on TensorFlow over replicas.

Keras on JAX takes the mean and then the mean squared distance from it: two passes over the activations, and on several
devices two sums one after the other. Where a step is bound by memory, the second pass is felt.
"""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras

from tf_tricks.annotations import Tensor


@contextlib.contextmanager
def one_pass(model: keras.Model) -> Iterator[None]:
    """Has the batch normalizations of a model take their moments by `moments` within this context."""
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        and type(layer)._moments is keras.layers.BatchNormalization._moments
    ]
    for layer in layers:
        layer._moments = functools.partial(_moments_of, layer)
    try:
        yield
    finally:
        for layer in layers:
            del layer._moments


def moments(x: Tensor, axes: list[int], near: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean and variance over some axes.

    With d = x − near, the mean is near + E[d] and the variance E[d²] − E[d]², whatever `near` is; the nearer it is to
    the mean, the fewer digits are lost to rounding.

    Args:
        x: float32 or wider.
        axes: all but that of the channels.
        near: [channels]; nothing is differentiated by it.

    Example:
        >>> mean, variance = moments(jnp.array([[1.0, 1000.0], [3.0, 1004.0]]), [0], near=jnp.array([0.0, 1000.0]))
        >>> mean.tolist(), variance.tolist()
        ([2.0, 1002.0], [1.0, 4.0])
    """
    near = jax.lax.stop_gradient(near)
    distances = x - jnp.expand_dims(near, axes)
    mean, square = jnp.mean(distances, axes), jnp.mean(jnp.square(distances), axes)
    return near + mean, jnp.maximum(square - jnp.square(mean), 0)  # rounding must leave no root of less than 0


def _moments_of(layer: Any, inputs: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    if mask is not None:
        return type(layer)._moments(layer, inputs, mask)
    return moments(inputs, layer._reduction_axes, layer.moving_mean.value.astype(inputs.dtype))

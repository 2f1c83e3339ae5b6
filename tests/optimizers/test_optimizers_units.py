"""Adaptive gradient clipping bounds the gradient of all the weights by which one output is computed."""

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.optimizers import AdaptiveGradientClipping

K = keras.layers
IMAGE, TOKENS = keras.Input((6, 6, 4)), keras.Input((5, 8))


def after_a_step(layer, inputs, units=None):
    """Each kernel of a layer, its gradient, and what a step of rate 1 subtracts from it."""
    keras.Model(inputs, layer(*inputs) if isinstance(inputs, tuple) else layer(inputs))
    kernels = [v for v in layer.trainable_variables if "kernel" in v.path]
    random = np.random.default_rng(0)
    gradients = [random.normal(size=v.shape).astype("float32") for v in kernels]
    before = [keras.ops.convert_to_numpy(v).copy() for v in kernels]
    optimizer = AdaptiveGradientClipping(keras.optimizers.SGD(1.0), clip_factor=0.1, units=units)
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], kernels)
    return [(w, g, w - keras.ops.convert_to_numpy(v)) for w, g, v in zip(before, gradients, kernels)]


def assert_clipped(weight, gradient, step, axes):
    """`axes` are those over which the squares of a unit are summed."""
    bound = 0.1 * np.maximum(np.sqrt((weight**2).sum(axes, keepdims=True)), 1e-3)
    expected = gradient * np.minimum(1.0, bound / np.sqrt((gradient**2).sum(axes, keepdims=True)))
    np.testing.assert_allclose(step, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "axes"),
    [
        (lambda: K.Conv2D(3, 2), (0, 1, 2)),
        (lambda: K.Conv2D(1, 2), (0, 1, 2)),
        (lambda: K.DepthwiseConv2D(2, depth_multiplier=3), (0, 1)),
        (lambda: K.Conv2DTranspose(3, 2), (0, 1, 3)),
    ],
    ids=["Conv2D", "Conv2D of one filter", "DepthwiseConv2D", "Conv2DTranspose"],
)
def test_convolutions(layer, axes):
    ((weight, gradient, step),) = after_a_step(layer(), IMAGE)
    assert_clipped(weight, gradient, step, axes)


def test_a_separable_convolution_has_both():
    depthwise, pointwise = after_a_step(K.SeparableConv2D(3, 2), IMAGE)
    assert_clipped(*depthwise, axes=(0, 1))
    assert_clipped(*pointwise, axes=(0, 1, 2))


@pytest.mark.parametrize("layer", [K.MultiHeadAttention, K.GroupQueryAttention])
def test_attention(layer):
    arguments = {"num_query_heads": 4, "num_key_value_heads": 2, "head_dim": 3}
    arguments = {"num_heads": 2, "key_dim": 3} if layer is K.MultiHeadAttention else arguments
    *projections, output = after_a_step(layer(**arguments), (TOKENS, TOKENS))
    assert len(projections) == 3
    for projection in projections:
        assert_clipped(*projection, axes=(0,))
    assert_clipped(*output, axes=(0, 1))


def test_a_name_of_ones_own_is_said():
    ((weight, gradient, step),) = after_a_step(K.DepthwiseConv2D(2, name="mine"), IMAGE, units={"mine/": [-2, -1]})
    assert_clipped(weight, gradient, step, axes=(0, 1))


def test_units_that_cannot_be_told():
    layer = K.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3))
    with pytest.raises(RequestError, match=r"that tell the units of 'einsum_dense.*/kernel' \[8, 2, 3\] apart are not"):
        after_a_step(layer, TOKENS)
    ((weight, gradient, step),) = after_a_step(layer, TOKENS, units={"einsum": [1, 2]})
    assert_clipped(weight, gradient, step, axes=(0,))


def test_units_that_are_no_dict():
    with pytest.raises(RequestError, match="units must be a dict"):
        AdaptiveGradientClipping(keras.optimizers.SGD(), units=["depthwise"])

"""Layers by name, kernels, and calls that are replaced for a while."""

import keras
import numpy as np
import pytest

from tf_tricks.initializers.walk import calls_replaced, is_sum, kernel_of, layers_in


def test_layers_of_models_inside_and_shared_layers_once():
    shared = keras.layers.Dense(4, name="shared")
    inner = keras.Sequential([keras.Input((4,)), shared], name="inner")
    inputs = keras.Input((4,), name="inputs")
    model = keras.Model(inputs, shared(inner(inputs)))
    found = layers_in(model)
    assert [layer for layer in found.values() if layer is shared] == [shared]
    assert "inner/shared" in found


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (keras.layers.Dense(3), (5, 3)),
        (keras.layers.Conv2D(3, 2), (2, 2, 5, 3)),
        (keras.layers.SeparableConv2D(3, 2), (1, 1, 5, 3)),
        (keras.layers.DepthwiseConv2D(2), (2, 2, 5, 1)),
        (keras.layers.BatchNormalization(), None),
        (keras.layers.Flatten(), None),
    ],
)
def test_the_kernel_of_a_layer(layer, shape):
    layer.build((None, 4, 4, 5) if "2D" in type(layer).__name__ else (None, 5))
    kernel = kernel_of(layer)
    assert (kernel if kernel is None else tuple(kernel.shape)) == shape


@pytest.mark.parametrize(
    ("combined", "expected"),
    [
        (lambda x, y: x + y, True),
        (lambda x, y: keras.layers.Add()([x, y]), True),
        (lambda x, y: x + 1.0, False),
        (lambda x, y: x * y, False),
    ],
    ids=["plus", "Add", "constant", "product"],
)
def test_what_adds_tensors_is_a_sum(combined, expected):
    x, y = keras.Input((4,)), keras.Input((4,))
    operation, index, _ = combined(x, y)._keras_history
    assert is_sum(operation._inbound_nodes[index]) is expected


def test_a_layer_that_is_not_built_has_no_kernel():
    assert kernel_of(keras.layers.Dense(3)) is None


def test_calls_are_replaced_for_a_while_even_if_something_fails():
    layer = keras.layers.Dense(1, kernel_initializer="ones")
    x = np.ones((1, 2), "float32")
    layer(x)

    def doubled(layer, call):
        return lambda inputs: 2 * call(inputs)

    with pytest.raises(RuntimeError, match="stop"), calls_replaced([layer], doubled):  # noqa: PT012
        assert float(layer(x)[0, 0]) == 4.0
        with calls_replaced([layer], doubled):
            assert float(layer(x)[0, 0]) == 8.0
        assert float(layer(x)[0, 0]) == 4.0
        raise RuntimeError("stop")
    assert float(layer(x)[0, 0]) == 2.0
    assert "call" not in vars(layer)

"""What comes after padding with a mask: the layers that keep the shape pass the mask on, as Keras's own do."""

import keras
import numpy as np
import pytest

from tf_tricks.layers import ScalarBias, ScalarMultiplier, SqueezeExcite, Standardization, StochasticDepth

TOKENS = np.array([[3, 1, 4, 0, 0], [5, 0, 0, 0, 0], [2, 6, 5, 3, 5]])


def standardization():
    return Standardization(mean=0.0, variance=2.0)


@pytest.mark.parametrize(
    "make", [ScalarBias, ScalarMultiplier, SqueezeExcite, standardization, lambda: StochasticDepth(0.5)]
)
def test_the_mask_comes_out_as_it_went_in(make):
    inputs = keras.Input((5,), dtype="int32")
    hidden = make()(keras.layers.Embedding(9, 4, mask_zero=True)(inputs))
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(hidden))
    outputs = keras.Model(inputs, hidden)(TOKENS)
    expected = [np.asarray(row)[: np.count_nonzero(tokens)].mean(0) for row, tokens in zip(outputs, TOKENS)]
    np.testing.assert_allclose(model(TOKENS), expected, rtol=1e-5, atol=1e-6)


def test_padding_does_not_count_in_the_means_of_squeeze_and_excite():
    x = np.random.default_rng(0).normal(size=(1, 5, 4)).astype("float32")
    layer = SqueezeExcite(2)
    short = layer(x[:, :3])
    padded = layer(x, mask=keras.ops.convert_to_tensor([[True, True, True, False, False]]))
    np.testing.assert_allclose(padded[:, :3], short, rtol=1e-5)

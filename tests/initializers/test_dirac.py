"""Dirac: a convolution that passes its inputs on."""

import keras
import numpy as np
import pytest
from keras import ops

from tf_tricks import initializers
from tf_tricks.errors import RequestError
from tf_tricks.initializers.dirac import Dirac


@pytest.mark.parametrize(("filters", "size"), [(3, 3), (8, 3), (2, 3), (4, 1), (5, 5)])
def test_the_first_filters_pass_the_channels_on(filters, size):
    images = np.random.default_rng(0).normal(size=(2, 7, 7, 3)).astype("float32")
    kernel = Dirac()((size, size, 3, filters))
    outputs = ops.convert_to_numpy(ops.conv(images, kernel, padding="same"))
    np.testing.assert_allclose(outputs[..., :3], images[..., :filters], rtol=1e-6)


def test_the_others_are_drawn_as_they_are_told():
    rest = keras.initializers.HeNormal(seed=3)
    kernel, drawn = (ops.convert_to_numpy(one((3, 3, 2, 6))) for one in (Dirac(rest), rest))
    np.testing.assert_array_equal(kernel[..., 2:], drawn[..., 2:])


def test_it_is_torchs_dirac_on_an_odd_kernel():
    kernel = ops.convert_to_numpy(Dirac("zeros")((3, 3, 2, 4)))
    expected = np.zeros((3, 3, 2, 4))  # torch.nn.init.dirac_ of [4, 2, 3, 3], in Keras's order
    expected[1, 1, 0, 0] = expected[1, 1, 1, 1] = 1
    np.testing.assert_array_equal(kernel, expected)


def test_a_dense_layer_is_the_identity():
    np.testing.assert_array_equal(ops.convert_to_numpy(Dirac()((4, 4))), np.eye(4))


def test_it_comes_back_from_its_config():
    again = keras.initializers.deserialize(keras.initializers.serialize(initializers.get("dirac")))
    assert isinstance(again.rest, keras.initializers.HeNormal)


def test_a_bias_is_refused():
    with pytest.raises(RequestError, match=r"^dirac is for kernels .* not for a weight of shape \(3,\)$"):
        Dirac()((3,))

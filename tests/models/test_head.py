"""The head of a model is found, in models within models too, and what is below it stays as it is."""

import keras
import numpy as np
import pytest

from tf_tricks.errors import RequestError
from tf_tricks.models.head import head_of, without_head


def body(**arguments):
    return keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), alpha=0.35, **arguments)


def test_the_head_of_a_classifier_of_keras():
    model = body(classes=7)
    assert head_of(model).name == "predictions"
    features = without_head(model)
    assert features.output_shape == (None, 1280)
    x = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    known = keras.Model(model.input, model.get_layer("predictions").input)
    np.testing.assert_array_equal(features(x), known(x))


def test_a_convolution_of_single_pixels_is_a_head_where_there_is_one_pixel():
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=7)
    assert head_of(model).name == "logits"
    assert without_head(model).output_shape == (None, 1, 1, 1024)


def test_a_body_has_no_head():
    model = body(include_top=False)
    assert head_of(model) is None
    assert without_head(model).output_shape == model.output_shape


def test_a_head_in_a_model_within_the_model():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, name="a"), keras.layers.Dense(3, name="b")])
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Softmax()(inner(keras.layers.Rescaling(2.0)(inputs))))
    assert head_of(model).name == "b"
    x = np.ones((1, 4), "float32")
    np.testing.assert_allclose(without_head(model)(x), inner.get_layer("a")(2 * x), rtol=1e-6)


def test_a_head_for_each_token():
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(3, name="tags")(keras.layers.Embedding(9, 4)(inputs)))
    assert head_of(model).name == "tags"
    assert without_head(model).output_shape == (None, 5, 4)


def test_several_outputs_get_a_sentence():
    inputs = keras.Input((4,))
    model = keras.Model(inputs, [keras.layers.Dense(1, name="a")(inputs), keras.layers.Dense(2, name="b")(inputs)])
    with pytest.raises(RequestError, match=r"several outputs \(a, b\), and its head must be one"):
        head_of(model)


def test_a_subclass_gets_a_sentence():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = Own()
    model(np.ones((1, 3)))
    with pytest.raises(RequestError, match="not made by the functional API"):
        head_of(model)

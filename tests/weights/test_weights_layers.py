"""A model's weights layer by layer: where Keras's own files have them."""

import h5py
import keras
import numpy as np
import pytest

from tf_tricks.weights import assign, described, layers_of


class Block(keras.layers.Layer):
    def __init__(self, units, **keywords):
        super().__init__(**keywords)
        self.inner = keras.layers.Dense(units, name="inner")
        self.drop = keras.layers.Dropout(0.1)

    def call(self, inputs):
        return self.drop(self.inner(inputs))


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [Block(3), Block(4)]
        self.parts = {"norm": keras.layers.BatchNormalization(), "more": [keras.layers.Dense(2)]}

    def call(self, inputs):
        for block in self.blocks:
            inputs = block(inputs)
        return self.parts["more"][0](self.parts["norm"](inputs))


def nested():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="a"), keras.layers.BatchNormalization()])
    return keras.Sequential([keras.Input((4,)), inner, Block(3), keras.layers.Dense(2)])


def subclass():
    model = Subclass()
    model(np.ones((1, 4), "float32"))
    return model


def functional():
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.SeparableConv2D(4, 3)(inputs)
    x = keras.layers.GroupNormalization(2)(keras.layers.Conv2D(4, 1)(x))
    x = keras.layers.Reshape((-1, 4))(x)
    x = keras.layers.MultiHeadAttention(2, 3)(x, x)
    x = keras.layers.Bidirectional(keras.layers.GRU(3))(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


MODELS = {"nested": nested, "subclass": subclass, "functional": functional}


def compiled(name):
    model = MODELS[name]()
    model.compile("adam", "mse", metrics=["mae"])
    shape = model.input_shape[1:] if name == "functional" else (4,)
    model.fit(np.ones((4, *shape), "float32"), np.ones((4, 2), "float32"), verbose=0)
    return model


@pytest.mark.parametrize("name", MODELS)
def test_the_places_are_those_of_keras_files(name, tmp_path):
    model = compiled(name)
    model.save_weights(tmp_path / "it.weights.h5")
    with h5py.File(tmp_path / "it.weights.h5") as file:
        for layer in layers_of(model):
            group = file[f"{layer.path}/vars" if layer.path else "vars"]
            assert group.attrs["name"] == layer.name
            assert sorted(group) == sorted(layer.weights)
            for key, value in layer.weights.items():
                np.testing.assert_array_equal(group[key], value)


@pytest.mark.parametrize("name", MODELS)
def test_every_weight_is_there_once(name):
    model = MODELS[name]()
    found = [id(value) for layer in layers_of(model) for value in layer.weights.values()]
    assert sorted(found) == sorted(id(weight) for weight in model.weights)


@pytest.mark.parametrize("name", MODELS)
def test_what_a_checkpoint_keeps_names_every_weight(name):
    model = MODELS[name]()
    layers = {layer.path: layer for layer in layers_of(model)}
    places = {place: layers[path].weights[key] for path, _, known in described(model) for key, place in known.items()}
    assert [places[i] is weight for i, weight in enumerate(model.weights)] == [True] * len(model.weights)


def test_of_a_layer_that_cannot_be_saved_nothing_is_known():
    class Unsaveable(keras.layers.Dense):
        def save_own_variables(self, store):
            raise NotImplementedError

    assert described(keras.Sequential([keras.Input((2,)), Unsaveable(1)])) == []


def test_assigning_changes_the_layers_that_are_given_only():
    model = nested()
    before = [np.array(weight) for weight in model.weights]
    assign(model, {"layers/dense": {"0": np.ones((3, 2)), "1": np.zeros(2)}})
    after = [np.array(weight) for weight in model.weights]
    for one, other in zip(before[:-2], after[:-2]):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(after[-2], np.ones((3, 2)))


def test_a_normalization_counts_with_what_it_was_given():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Normalization()])
    assign(model, {"layers/normalization": {"0": np.array([1.0, 2.0]), "1": np.array([4.0, 4.0]), "2": np.array(0)}})
    np.testing.assert_array_equal(model(np.array([[3.0, 2.0]])), [[1.0, 0.0]])

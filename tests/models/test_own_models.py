"""Models of one's own, named as `file:Name`: functions and classes, built or not."""

import sys

import keras
import numpy as np
import pytest

from tf_tricks import models, users_code
from tf_tricks.errors import RequestError

MODELS = """
import keras
from keras import layers


def build(input_shape, num_outputs, width=4):
    flat, hidden = layers.Flatten(), layers.Dense(width)
    return keras.Sequential([keras.Input(input_shape), flat, hidden, layers.Dense(num_outputs)])


def takes_all(**known):
    model = build(known["input_shape"], known["num_outputs"], known.get("width", 4))
    model.known = sorted(known)
    return model


def takes_the_rest(num_outputs, **rest) -> keras.Model:
    return build(rest["input_shape"], num_outputs, rest["width"])


def unbuilt(num_outputs):
    return keras.Sequential([layers.Flatten(), layers.Dense(num_outputs)])


def wrong():
    return "a model"


class Net(keras.Model):
    def __init__(self, num_outputs, width=4, **keywords):
        super().__init__(**keywords)
        self.width = width
        self.flat, self.hidden, self.last = layers.Flatten(), layers.Dense(width), layers.Dense(num_outputs)

    def call(self, inputs):
        return self.last(self.hidden(self.flat(inputs)))

    def get_config(self):
        return {"num_outputs": self.last.units, "width": self.width}


class Broken(keras.Model):
    def call(self, inputs):
        return inputs[:, 1000 // (inputs.shape[1] - 8)]


class Standardizing(keras.Model):
    def __init__(self, num_outputs, mean, variance):
        super().__init__()
        self.normalize = layers.Rescaling(variance[0] ** -0.5, -mean[0] * variance[0] ** -0.5)
        self.flat, self.last = layers.Flatten(), layers.Dense(num_outputs)

    def call(self, inputs):
        return self.last(self.flat(self.normalize(inputs)))
"""
RUN = {"input_shape": (8, 8, 1), "num_outputs": 3, "input_dtype": "uint8", "mean": [4.0], "variance": [9.0]}


@pytest.fixture(autouse=True)
def _my_models(tmp_path, monkeypatch):
    monkeypatch.setattr(users_code, "_folders", [])
    monkeypatch.setattr(users_code, "_loaded", {})
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_models.py").write_text(MODELS)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["build", "takes_all", "takes_the_rest", "Net"])
def test_a_function_or_a_class_gets_what_it_takes(name):
    model = models.get({"name": f"my_models:{name}", "width": 5}, **RUN)
    assert model.built
    assert model.count_params() == 64 * 5 + 5 + 5 * 3 + 3
    assert model(np.zeros((2, 8, 8, 1), "uint8")).shape == (2, 3)


def test_a_function_of_keywords_gets_all_that_is_known():
    assert models.get("my_models:takes_all", **RUN).known == sorted(RUN)


def test_a_class_that_has_no_input_is_built_for_the_data():
    assert models.get("my_models:unbuilt", **RUN).count_params() == 64 * 3 + 3
    assert models.get("my_models:Standardizing", **RUN).built


def test_a_class_takes_what_keras_takes():
    assert models.get({"name": "my_models:Net", "trainable": False}, **RUN).trainable_weights == []


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ({"name": "my_models:Net", "widht": 3}, "there is no argument of the model 'my_models:Net' called 'widht'"),
        ("my_models:wrong", "or a keras.Model, not the 'a model' that 'my_models:wrong' returns"),
        (
            "my_models:Broken",
            r"cannot be built for inputs of uint8 \[8, 8, 1\]: .* by zero \(.*my_models.py, line 44\)$",
        ),
    ],
)
def test_a_mistake_gets_a_sentence(model, sentence):
    with pytest.raises(RequestError, match=sentence):
        models.get(model, **RUN)


def test_a_saved_class_of_ones_own_is_loaded_with_its_file(tmp_path):
    model = models.get({"name": "my_models:Net", "width": 5}, **RUN)
    model.save(tmp_path / "model.keras")
    x = np.ones((2, 8, 8, 1), "uint8")
    loaded = keras.models.load_model(tmp_path / "model.keras", users_code.classes())
    np.testing.assert_array_equal(loaded(x), model(x))

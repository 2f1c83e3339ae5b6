"""What models take and give, by name."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support import models_to_export

from tf_tricks import RequestError
from tf_tricks.export import signature


def specs(model, *inputs):
    found = signature.of(model, *inputs).specs
    return {name: (tuple(spec.shape), spec.dtype.name) for name, spec in found.items()}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("images", {"image": ((None, 8, 8, 3), "uint8")}),
        ("dicts", {"table": ((None, 4), "float32"), "word": ((None, 3), "int32")}),
        ("tuples", {"the_first_1": ((None, 2), "float32"), "the_first_1_1": ((None, 2), "float32")}),
        ("attention", {"steps": ((None, None, 8), "float32")}),
    ],
)
def test_a_functional_model_says_what_it_takes(kind, expected):
    assert specs(models_to_export.KINDS[kind]()) == expected


def test_the_keys_of_a_dict_are_the_names():
    inputs = keras.Input((2,), name="x")
    with pytest.warns(UserWarning, match="must match the names"):
        model = keras.Model({"mine": inputs}, keras.layers.Dense(1)(inputs))
    assert list(specs(model)) == ["mine"]


class Subclass(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)

    def call(self, x):
        return self.dense(x["a"]) + keras.ops.cast(x["b"], "float32")


EXAMPLES = {"a": np.ones((2, 3), "float32"), "b": np.ones((2, 1), "int32")}


def test_a_subclass_takes_what_the_examples_are():
    assert specs(Subclass(), EXAMPLES) == {"a": ((None, 3), "float32"), "b": ((None, 1), "int32")}


def test_a_subclass_without_examples_takes_the_shapes_it_was_built_with():
    model = Subclass()
    model(EXAMPLES)
    assert specs(model) == {"a": ((None, 3), "float32"), "b": ((None, 1), "float32")}


def test_a_subclass_that_was_never_called():
    with pytest.raises(RequestError, match="does not say which inputs it takes"):
        specs(Subclass())


def test_a_fixed_batch():
    model = keras.Sequential([keras.Input(batch_shape=(5, 2)), keras.layers.Dense(1)])
    assert signature.of(model).batch_size == 5


def test_arrays_are_given_by_name_and_back():
    taken = signature.of(models_to_export.dicts())
    arrays = taken.arrays({"word": np.zeros((2, 3), "int64"), "table": np.ones((2, 4))})
    assert {name: array.dtype.name for name, array in arrays.items()} == {"table": "float32", "word": "int32"}
    assert set(taken.inputs(arrays)) == {"table", "word"}


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 1, 1)])
def test_a_last_axis_of_one_may_be_left_out(shape):
    model = keras.Sequential([keras.Input((1,), name="x"), keras.layers.Dense(1)])
    assert signature.of(model).arrays(np.ones(shape))["x"].shape == (4, 1)


@pytest.mark.parametrize("inputs", [np.ones((2, 5)), [np.ones((2, 4)), np.ones((2, 2))]])
def test_other_inputs_than_the_model_takes(inputs):
    with pytest.raises(RequestError, match=r"the model takes inputs of \[4\], \[3\], and the data have \[\d\]"):
        signature.of(models_to_export.dicts()).arrays(inputs)


def test_made_up_inputs_are_what_the_model_takes():
    word = keras.Input((2,), dtype="string", name="text")
    images = models_to_export.images()
    model = keras.Model(
        [images.inputs[0], word], [images.outputs[0], keras.layers.StringLookup(vocabulary=["a"])(word)]
    )
    found = signature.made_up(signature.of(model), 50)
    assert (found["image"].dtype, found["image"].shape) == ("uint8", (50, 8, 8, 3))
    assert (found["image"].min(), found["image"].max()) == (0, 255)
    assert set(found["text"].ravel()) == {b"", b"a", b"b"}
    words = signature.made_up(signature.of(models_to_export.dicts()), 50)["word"]
    assert set(words.ravel()) == {0, 1}  # which the smallest embedding has


@pytest.mark.parametrize("kind", models_to_export.KINDS)
def test_the_function_gives_what_predict_gives(kind):
    model = models_to_export.settled(models_to_export.KINDS[kind]())
    taken = signature.of(model)
    arrays = signature.made_up(taken, 4)
    found = signature.function_of(model, taken)(arrays)
    expected = model.predict(taken.inputs(arrays), verbose=0)
    assert len(found) == len(tf.nest.flatten(expected))
    for ours, theirs in zip(found.values(), tf.nest.flatten(expected)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)

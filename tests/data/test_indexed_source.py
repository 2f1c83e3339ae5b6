"""Examples by their index: those of the data set, whatever it gives, and what does not fit named."""

import numpy as np
import pytest
import tensorflow as tf
from support.batches import everything

import tf_tricks as tt
from tf_tricks.data import IndexedSource
from tf_tricks.errors import RequestError

X = np.random.RandomState(0).randint(0, 256, (30, 3, 2)).astype("uint8")
Y = np.arange(30) % 5


class Rows:
    def __init__(self, broken=None):
        self.broken = broken

    def __len__(self):
        return 30

    def __getitem__(self, i):
        if i == self.broken:
            return {"image": X[i][:2], "label": int(Y[i]), "text": "short"}
        return {"image": X[i], "label": int(Y[i]), "text": f"text {i}"}


def test_examples_are_those_of_the_data_set():
    source = IndexedSource(Rows(), {"a": "image", "t": "text"}, "label", num_classes=5)
    inputs, labels = everything(source)
    np.testing.assert_array_equal(inputs["a"], X)
    assert inputs["t"][7] == b"text 7"
    assert (labels.tolist(), source.num_outputs, source.labels.kind) == (Y.tolist(), 5, "classes")
    assert (source.input_shape, source.input_dtype) == ({"a": (3, 2), "t": ()}, {"a": "uint8", "t": "string"})


def test_batches_are_those_of_arrays():
    one = tt.data.Stream(IndexedSource(Rows(), "image", "label", num_classes=5), 8, seed=2)
    other = tt.data.Stream((X, Y), 8, seed=2)
    for k in range(5):
        for ours, theirs in zip(one[k], other[k]):
            np.testing.assert_array_equal(ours, theirs)


def test_shapes_are_static_in_a_dataset():
    source = IndexedSource(Rows(), "image", "label", num_classes=5).subset([4, 9, 2, 2])
    dataset = tf.data.Dataset.range(4).batch(2, drop_remainder=True).map(source.fetch)
    assert [spec.shape.as_list() for spec in dataset.element_spec] == [[2, 3, 2], [2]]
    np.testing.assert_array_equal(np.concatenate([inputs for inputs, _ in dataset]), X[[4, 9, 2, 2]])


def test_an_example_of_another_shape_is_named():
    with pytest.raises(ValueError, match=r"example 7 is uint8 \[2, 2\]"):
        everything(IndexedSource(Rows(broken=7), "image", "label", num_classes=5))


@pytest.mark.parametrize(
    ("data", "arguments", "sentence"),
    [
        ([], {}, "at least one example, not none"),
        (Rows(), {"inputs": "imgae"}, "called 'imgae'; did you mean 'image'"),
        (Rows(), {"inputs": "image", "labels": "label"}, "say how many classes there are, num_classes"),
    ],
)
def test_unusable_arguments_get_a_sentence(data, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        IndexedSource(data, **arguments)

"""A second `fit` of a trainer compiles nothing that is compiled already, and gives what a new trainer gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.training import examples

X = np.random.RandomState(0).randn(32, 6).astype("float32")
Y = np.arange(32) % 3


class Counted(keras.layers.Layer):
    """Counts how often it is traced or called."""

    calls = 0

    def call(self, inputs):
        type(self).calls += 1
        return inputs


@pytest.fixture(autouse=True)
def _from_nothing():
    Counted.calls = 0


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), Counted(), keras.layers.Dropout(0.3), keras.layers.Dense(3)])


def trainer(**arguments):
    return tt.Trainer(network(), "momentum", batch_size=8, **{"learning_rate": 0.1} | arguments)


def test_the_same_data_are_traced_and_tried_once():
    made, stream, validation = trainer(), tt.data.Stream((X, Y)), tt.data.as_source((X, Y))
    made.fit(stream, 1, validation=validation, verbose=0)
    before = Counted.calls
    made.fit(stream, 1, validation=validation, verbose=0)
    made.evaluate(validation)
    assert Counted.calls == before


def test_keras_traces_the_same_data_once_too():
    model = network()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.fit(X, Y, batch_size=8, verbose=0)
    before = Counted.calls
    model.fit(X, Y, batch_size=8, verbose=0)
    assert Counted.calls == before


def test_two_fits_are_those_of_two_trainers():
    found = []
    for renewed in (False, True):
        made, stream = trainer(), tt.data.Stream((X, Y))
        made.fit(stream, 2, verbose=0)
        if renewed:
            made.prepared = type(made.prepared)()
        history = made.fit(stream, 2, verbose=0).history
        found.append((history["loss"], made.model.get_weights()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("change", ["data", "seed", "augmentation", "class weights", "micro-batch", "frozen"])
def test_what_is_compiled_is_compiled_anew_for_something_else(change):
    made, source = trainer(), tt.data.as_source((X, Y))
    made.fit(tt.data.Stream(source), 1, verbose=0)
    loop = made.prepared.loop
    arguments, seed, augment = {}, 0, None
    if change == "data":
        source = tt.data.as_source((X[:, ::-1].copy(), Y))
    if change == "seed":
        seed = 1
    if change == "augmentation":
        augment = doubled
    if change == "class weights":
        arguments = {"class_weight": {0: 2.0, 1: 1.0, 2: 1.0}}
    if change == "micro-batch":
        made.micro_batch = 4
    if change == "frozen":
        made.model.layers[-1].bias.trainable = False
    made.fit(tt.data.Stream(source, seed=seed, augment=augment), 1, verbose=0, **arguments)
    assert made.prepared.loop is not loop


def doubled(images, labels, seed, positions):
    return 2.0 * images, labels


def test_data_that_do_not_fit_are_refused_after_others_have_fitted():
    made = trainer()
    made.fit((X, Y), 1, verbose=0)
    with pytest.raises(tt.RequestError, match="cannot take the inputs of the data to evaluate"):
        made.evaluate((X[:, :5], Y))
    with pytest.raises(tt.RequestError, match="cannot take the inputs"):
        made.fit((X[:, :5], Y), 1, verbose=0)


def test_what_was_tried_is_not_tried_again(monkeypatch):
    made, stream = trainer(), tt.data.Stream((X, Y))
    made.fit(stream, 1, verbose=0)
    monkeypatch.setattr(examples, "_tried", lambda *_: pytest.fail("it is tried again"))
    made.fit(stream, 1, verbose=0)
    assert made.prepared.has_checked(stream.source, None, None, None)
    assert not made.prepared.holds(tf.constant(0))

"""An error in somebody's own code is told with its own file and line, and with nothing of ours."""

import keras
import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks.errors import RequestError, RunError

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.arange(64) % 3


class BrokenInTraining(keras.layers.Layer):
    def call(self, inputs, training=False):
        if training:
            raise ValueError("only in training")
        return inputs


def broken_metric(y_true, y_pred):
    return y_true.nothing


def broken_augmentation(images, labels, seed, positions):
    return images[:, 7], labels


def at(function, line):
    """The place as the sentences say it: so many lines below the beginning of a function of this file."""
    return rf"\(\S+test_users_code\.py, line {function.__code__.co_firstlineno + line}\)"


def fit(*layers, augment=None, **arguments):
    model = keras.Sequential([keras.Input((6,)), *layers, keras.layers.Dense(3)])
    tt.Trainer(model, learning_rate=0.1, **arguments).fit(tt.data.Stream((X, Y), augment=augment), 1, verbose=0)


def test_an_augmentation():
    with pytest.raises(RequestError, match=rf"the augmentation cannot take .* {at(broken_augmentation, 1)}$"):
        fit(augment=broken_augmentation)


def test_a_metric():
    with pytest.raises(RequestError, match=rf"the metrics cannot .*'nothing' {at(broken_metric, 1)}$"):
        fit(metrics=[broken_metric])


def test_a_layer_in_training():
    sentence = rf"^training cannot be compiled {at(BrokenInTraining.call, 2)}: only in training$"
    with pytest.raises(RunError, match=sentence):
        fit(BrokenInTraining())


@pytest.mark.parametrize("freeze", [True, False])
def test_a_model_with_nothing_to_train_is_refused(freeze):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(3) if freeze else keras.layers.ReLU()])
    model.trainable = not freeze
    with pytest.raises(RequestError, match="has no trainable weights: nothing would be trained"):
        tt.Trainer(model, learning_rate=0.1).fit((X[:, :3], Y), 1, verbose=0)


def test_two_classes_by_one_output_are_told_their_loss():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    with pytest.raises(RequestError, match=r"has 1 output: .* or, for two classes, the loss 'binary_crossentropy'"):
        tt.Trainer(model, learning_rate=0.1).fit((X, X[:, 0] > 0), 1, verbose=0)

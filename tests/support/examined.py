"""Patients for the doctor's checks: small data that can be learned, small models, and what a check finds in them."""

import keras
import numpy as np
from sklearn.datasets import load_digits

from tf_tricks.doctor import admission

layers = keras.layers


def digits():
    """Scikit-learn's digits: pictures [1797, 8, 8, 1] of 0 to 1, and their classes."""
    found = load_digits()
    return (found.images[..., None] / 16).astype("float32"), found.target.astype("int32")


def table(rows=400, columns=6):
    """Rows of mean 0 and variance 1, and two classes that their first columns decide."""
    x = np.random.default_rng(0).normal(size=(rows, columns)).astype("float32")
    return x, (x[:, 0] + x[:, 1] > 0).astype("int32")


def convnet(*before, shape=(8, 8, 1), outputs=10):
    """A convolution and logits, after what comes before them."""
    first = [keras.Input(shape), *before, layers.Conv2D(8, 3, activation="relu", name="conv")]
    return keras.Sequential([*first, layers.Flatten(), layers.Dense(outputs)])


def mlp(columns=6, outputs=2, activation=None, before=()):
    """A hidden layer and outputs."""
    first = [keras.Input((columns,)), *before, layers.Dense(16, activation="relu", name="hidden")]
    return keras.Sequential([*first, layers.Dense(outputs, activation=activation, name="outputs")])


def patient(model, data, **arguments):
    """What the doctor examines."""
    augment = arguments.pop("augment", None)
    return admission.of_arguments(model, data, augmentation=augment, **arguments)


def found(check, model, data, **arguments):
    """Dict of name to finding of what a check's module finds; of several with a name the first."""
    checked = check.check(patient(model, data, **arguments), lambda line: None)
    return {finding.name: finding for finding in reversed(checked.findings)}

"""Data and models of the set-ups on which the doctor is measured: small, real where they can be, the same each time."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import sklearn.datasets
import tensorflow_datasets as tfds

layers = keras.layers


class SetUp(NamedTuple):
    """A way to train something; `make(fault=False)` gives the mended twin of a broken one."""

    name: str
    expected: frozenset[str]  # the names of the cause, any of which is right; none for a healthy one
    make: Callable[..., dict[str, Any]]  # the arguments of `tt.diagnose`, and of the trainer
    fact: str = ""  # where the defect is one whatever training gives, such as a leak: why


def broken(half, *expected, fact=""):
    """Adds a broken set-up to `half`; the function takes whether the fault is in it."""

    def add(make):
        half.append(SetUp(make.__name__, frozenset(expected), make, fact))
        return make

    return add


def healthy(half):
    """Adds a healthy set-up to `half`."""

    def add(make):
        half.append(SetUp(make.__name__, frozenset(), make))
        return make

    return add


def split(x, y, train, validation, seed=0):
    """(x, y) of training, validation and test, shuffled: the first `train` rows, the next `validation`, the rest."""
    order = np.random.default_rng(seed).permutation(len(y))
    parts = np.split(order, [train, train + validation])
    return [(x[part], y[part]) for part in parts]


def standardized(parts):
    """The parts with the training part's mean 0 and variance 1 in every column."""
    mean, deviation = parts[0][0].mean(axis=0), parts[0][0].std(axis=0)
    return [(((x - mean) / np.maximum(deviation, 1e-6)).astype("float32"), y) for x, y in parts]


def digits():
    """Scikit-learn's digits, 8×8, from 0 to 1."""
    found = sklearn.datasets.load_digits()
    return split((found.images / 16).astype("float32")[..., None], found.target, 1200, 297)


def table(name):
    """One of scikit-learn's tables, as it is: "wine" (13 columns), "breast_cancer" (30), "diabetes" (10)."""
    x, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    if y.dtype.kind == "f":
        y = ((y - y.mean()) / y.std()).astype("float32")[:, None]
    return split(x.astype("float32"), y, int(0.7 * len(y)), int(0.15 * len(y)))


def houses(rows=3000):
    """Prices of houses by the columns of the Californian census, drawn at random; price in standard deviations."""
    rng = np.random.default_rng(7)
    income, age = rng.lognormal(1.2, 0.45, rows), rng.integers(1, 52, rows)
    rooms, bedrooms = rng.lognormal(1.6, 0.25, rows), rng.lognormal(0.05, 0.1, rows)
    population, occupation = rng.lognormal(7, 0.7, rows), rng.lognormal(1.05, 0.2, rows)
    latitude, longitude = rng.uniform(32.5, 42, rows), rng.uniform(-124, -114, rows)
    coast = np.exp(-(((longitude + 122 + 0.7 * (latitude - 37)) / 2) ** 2))
    price = 0.6 * income + 1.5 * coast + 0.01 * age - 0.4 * occupation + 0.15 * rooms + rng.normal(0, 0.25, rows)
    x = np.stack([income, age, rooms, bedrooms, population, occupation, latitude, longitude], axis=1)
    return split(x.astype("float32"), ((price - price.mean()) / price.std()).astype("float32")[:, None], 2000, 500)


@functools.cache
def _pictures(name, part, number):
    found = tfds.as_numpy(tfds.load(name, split=f"{part}[:{number}]", batch_size=-1, download=False))
    return found["image"], found["label"].astype("int64")


def pictures(name, train=2000, validation=500, test=500):
    """Pictures as bytes from 0 to 255, of "fashion_mnist" (28×28×1) or "cifar10" (32×32×3), with their classes."""
    x, y = _pictures(name, "train", train + validation)
    return [(x[:train], y[:train]), (x[train:], y[train:]), _pictures(name, "test", test)]


def mlp(shape, outputs, hidden=(64, 64), activation="relu", kernel="he_normal", batch_norm=False):
    """Dense layers, with batch normalization before the activation if asked for."""
    stack = [keras.Input(shape), layers.Flatten()]
    for units in hidden:
        stack.append(layers.Dense(units, kernel_initializer=keras.initializers.get(kernel)))
        stack += [layers.BatchNormalization(momentum=0.9)] if batch_norm else []
        stack.append(layers.Activation(activation))
    return keras.Sequential([*stack, layers.Dense(outputs)])


def convnet(shape, outputs, filters=(16, 32, 32), batch_norm=False, first=(), kernel="he_normal"):
    """Strided convolutions, the mean of each map, logits; `first` are the layers before them."""
    stack = [keras.Input(shape), *first]
    for i, number in enumerate(filters):
        stack.append(layers.Conv2D(number, 3, 1 if i == 0 else 2, padding="same", kernel_initializer=kernel))
        stack += [layers.BatchNormalization(momentum=0.9)] if batch_norm else []
        stack.append(layers.ReLU())
    return keras.Sequential([*stack, layers.GlobalAveragePooling2D(), layers.Dense(outputs)])


def bytes_to_ones():
    """From bytes to about -1 to 1."""
    return layers.Rescaling(1 / 127.5, offset=-1)


class Positions(layers.Layer):
    """Adds a learned vector for each place of the sequence."""

    def build(self, shape):
        """Makes the vectors."""
        self.table = self.add_weight(shape=shape[1:], initializer=keras.initializers.RandomNormal(stddev=0.02))

    def call(self, x):
        """Adds them."""
        return x + self.table


def transformer(length, tokens, outputs, width=32, blocks=2):
    """Pre-norm blocks of attention and a feed-forward part over embedded tokens."""
    inputs = keras.Input((length,), dtype="int32")
    x = Positions()(layers.Embedding(tokens, width)(inputs))
    for _ in range(blocks):
        normed = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, width // 4)(normed, normed)
        x = x + layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(layers.LayerNormalization()(x)))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(outputs)(x))


CROSS_ENTROPY = functools.partial(keras.losses.SparseCategoricalCrossentropy, from_logits=True)


def arguments(model, parts, **given):
    """The arguments of `tt.diagnose` for the three parts of the data."""
    train, validation, test = parts
    return dict(model=model, data=train, validation=validation, test=test, seed=0) | given

"""Models of the kinds that people export, each with what it takes."""

import keras
import numpy as np
from keras import layers


class Outwards(keras.layers.Layer):
    """The inverse error function, which few runtimes have."""

    def call(self, x):
        return keras.ops.erfinv(keras.ops.tanh(x))


def images():
    """Raw images, standardized inside the model, and a gelu, which is made of erfc."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 3), dtype="uint8", name="image"),
            layers.Normalization(mean=[100.0, 120.0, 90.0], variance=[30.0, 40.0, 50.0]),
            layers.Conv2D(4, 3, activation="gelu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def dicts():
    """Floats and integers by name, two outputs by name."""
    table, word = keras.Input((4,), name="table"), keras.Input((3,), dtype="int32", name="word")
    h = layers.Concatenate()([table, layers.Flatten()(layers.Embedding(5, 2)(word))])
    return keras.Model({"table": table, "word": word}, {"left": layers.Dense(2)(h), "right": layers.Dense(1)(h)})


def tuples():
    """Inputs in a tuple whose names no format takes, and outputs in a list."""
    one, other = keras.Input((2,), name="the first:1"), keras.Input((2,), name="the first 1")
    return keras.Model((one, other), [layers.Dense(3)(one - other), layers.Activation("celu")(other)])


def sequences():
    """Tokens with a mask, and a recurrent layer."""
    return keras.Sequential(
        [
            keras.Input((6,), dtype="int32", name="tokens"),
            layers.Embedding(5, 4, mask_zero=True),
            layers.LSTM(3),
            layers.Dense(2),
        ]
    )


def attention():
    """Sequences of any length."""
    inputs = keras.Input((None, 8), name="steps")
    h = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(inputs, inputs))
    return keras.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(h)))


KINDS = {build.__name__: build for build in (images, dicts, tuples, sequences, attention)}


def settled(model):
    """Gives batch norm statistics that a training might have left."""
    rng = np.random.default_rng(0)
    for variable in model.non_trainable_variables:
        if variable.path.endswith(("moving_mean", "moving_variance")):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model

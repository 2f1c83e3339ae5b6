"""Writes what gradients, the probe, LSUV and Fixup find under the backend that KERAS_BACKEND names."""

import sys

import keras
import numpy as np

from tf_tricks.gradients import loss_and_gradients
from tf_tricks.initializers import fixup, get, lsuv, signal_propagation
from tf_tricks.initializers.variance import he_normal

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.normal(size=(16, 8, 8, 3)).astype("float32")
LABELS = RANDOM.integers(0, 5, size=16)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def convolutional_model():
    """Convolutions, batch normalization and a residual branch, with weights that no backend has drawn."""
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3, activation="relu", kernel_regularizer="l2")(inputs)
    y = keras.layers.Activation("relu")(keras.layers.Conv2D(6, 3, padding="same")(x))
    x = keras.layers.Add()([x, keras.layers.Conv2D(6, 3, padding="same")(y)])
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(5)(x))
    random = np.random.default_rng(1)
    model.set_weights([0.3 * random.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def normalized_model():
    """The same kind of weights behind a batch normalization."""
    layers = [keras.layers.Flatten(), keras.layers.Dense(9), keras.layers.BatchNormalization(), keras.layers.Dense(5)]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    random = np.random.default_rng(2)
    model.set_weights([random.uniform(0.1, 0.5, size=weight.shape) for weight in model.get_weights()])
    return model


def deviation(initializer):
    """The standard deviation of a large draw: the draws themselves differ from backend to backend."""
    return round(float(np.std(keras.ops.convert_to_numpy(initializer((600, 600))))) / (2 / 600) ** 0.5, 2)


def main(output):
    """Finds everything."""
    found = {"he_normal": deviation(he_normal(seed=0)), "fan_out": deviation(get("he_fan_out_normal"))}
    for make in (convolutional_model, normalized_model):
        model = make()
        name = make.__name__
        before = model.get_weights()
        loss, gradients = loss_and_gradients(model, CROSS_ENTROPY, IMAGES, LABELS)
        found[f"{name} loss"] = loss
        for i, gradient in enumerate(gradients):
            found[f"{name} gradient {i}"] = keras.ops.convert_to_numpy(gradient).ravel().tolist()
        for given in ((), (LABELS, CROSS_ENTROPY)):
            for signal in signal_propagation(model, IMAGES, *given).layers:
                place = signal.name.rstrip("0123456789_")
                numbers = [signal.mean, signal.variance, signal.gradient_variance, signal.dead]
                found.setdefault(f"{name} {len(given)} {place}", []).append(numbers)
        assert all((old == new).all() for old, new in zip(before, model.get_weights()))
    found["lsuv"] = [abs(variance - 1) < 0.0101 for variance in lsuv(convolutional_model(), IMAGES).values()]
    model = convolutional_model()
    found["fixup"] = len(fixup(model, seed=0))
    found["zero"] = [float(np.abs(weight).max()) == 0 for weight in model.get_weights()]
    np.savez(output, **{name.replace("/", " "): np.asarray(value, float) for name, value in found.items()})


if __name__ == "__main__":
    main(sys.argv[1])

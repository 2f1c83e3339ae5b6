"""Small models and data that several tests train."""

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.engines.objective import Objective
from tf_tricks.engines.tensorflow.evaluation import Evaluation
from tf_tricks.engines.tensorflow.passes import Passes
from tf_tricks.training.compiled import compile_model


def image_data(num_examples=256, num_classes=5):
    """Random 8×8 colour images whose mean brightness tells the class a little."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, num_classes, num_examples).astype("int32")
    images = rng.normal(size=(num_examples, 8, 8, 3)) + 0.3 * labels[:, None, None, None]
    return images.astype("float32"), labels


def convnet(num_classes=5, dropout=0.0):
    """One conv-BN-ReLU layer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3, use_bias=False),
            layers.BatchNormalization(synchronized=True, momentum=0.9),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(dropout),
            layers.Dense(num_classes),
        ]
    )


def linear_data(num_examples=64, num_inputs=3):
    """Targets that are a linear function of the inputs."""
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(num_examples, num_inputs)).astype("float32")
    return inputs, (inputs @ np.arange(1.0, num_inputs + 1))[:, None].astype("float32")


def linear_model(num_inputs=3):
    """A single unit."""
    return keras.Sequential([keras.Input((num_inputs,)), keras.layers.Dense(1)])


def objective(model, loss, *arguments, metrics=None, **keywords):
    """The `Objective` of a model that is compiled with a loss."""
    return Objective(model, compile_model(model, None, loss, metrics=metrics), *arguments, **keywords)


def passes(*arguments, jit_compile=False, **keywords):
    """The `Passes` of what `objective` makes."""
    return Passes(objective(*arguments, **keywords), jit_compile)


def evaluation(model, loss, batch_size, metrics=None):
    """The `Evaluation` of a model that is compiled with a loss."""
    shares = compile_model(model, None, loss, metrics=metrics)
    return Evaluation(tf.distribute.get_strategy(), model, shares, batch_size)

"""The TPU to compile for, and the small models that are compiled."""

import keras
import pytest

from tf_tricks.tpu import compiler


@pytest.fixture(scope="session")
def v5e():
    """Four v5e chips."""
    return compiler.topology("v5e:2x2")


@pytest.fixture(scope="session")
def one_v5e():
    """A single v5e chip."""
    return compiler.topology("v5e:1x1")


@pytest.fixture
def convnet():
    """A convnet with batch normalization for images of 16×16×3 and 10 classes."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Conv2D(16, 3, padding="same", use_bias=False, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, name="logits"),
        ]
    )

"""The TPU to compile for, and the small models that are compiled."""

import importlib.util
import platform
import sys
from pathlib import Path

import keras
import pytest

from tf_tricks.tpu import compiler
from tf_tricks.trainers import tpu_check  # noqa: F401  (it defines its flags)

_spec = importlib.util.spec_from_file_location(
    "trainers_conftest", Path(__file__).parents[1] / "trainers" / "conftest.py"
)
_trainers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_trainers)
_trainers.FLAGS += ("topology", "find-batch")
tf_tricks = _trainers.tf_tricks  # the fixture that runs a command in this process

HAS_COMPILER = sys.version_info >= (3, 11) and sys.platform == "linux" and platform.machine() == "x86_64"


def pytest_collection_modifyitems(items):
    """There is no TPU compiler for other systems; where there is one, its absence is a failure."""
    if not HAS_COMPILER:
        for item in items:
            if "tpu_compiler" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="libtpu is for CPython 3.11 on x86-64 Linux"))


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

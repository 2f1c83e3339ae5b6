import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import gc
import platform
import sys

import keras
import pytest
import tensorflow as tf  # noqa: F401
from hypothesis import settings

# The same examples in every run; `pytest --hypothesis-profile=default` draws new ones.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

gc.freeze()  # what the imports made stays: collecting garbage need not look at it


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Each test starts from the same seed, the default precision and no other test's layers."""
    keras.utils.clear_session(free_memory=False)  # a collection of all garbage would take longer than most tests
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")


HAS_TPU_COMPILER = sys.platform == "linux" and platform.machine() == "x86_64"


def pytest_collection_modifyitems(items):
    """There is no TPU compiler for other systems; where there is one, its absence is a failure."""
    if not HAS_TPU_COMPILER:
        for item in items:
            if "tpu_compiler" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="libtpu is made for x86-64 Linux only"))

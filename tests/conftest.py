import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import gc
import platform
import sys

import keras
import pytest
import tensorflow as tf  # noqa: F401
from hypothesis import settings

from tf_tricks import users_code

# The same examples in every run; `pytest --hypothesis-profile=default` draws new ones.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

gc.freeze()  # what the imports made stays: collecting garbage need not look at it
gc.set_threshold(50_000)  # nor so often: tracing makes many objects that stay


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Each test starts from the same seed, the default precision and no other test's layers."""
    keras.utils.clear_session(free_memory=False)  # a collection of all garbage would take longer than most tests
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True)
def _no_code_of_users(monkeypatch):
    """Each test finds the files of its own configs, and leaves none of their modules to others."""
    monkeypatch.setattr(users_code, "_folders", [])
    monkeypatch.setattr(users_code, "_loaded", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    installed = set(sys.path)
    yield
    folders = tuple(os.path.join(folder, "") for folder in set(sys.path) - installed)
    loaded = {module.__name__ for module in users_code._loaded.values()}
    for name, module in list(sys.modules.items()):
        if name in loaded or (folders and (getattr(module, "__file__", None) or "").startswith(folders)):
            del sys.modules[name]


@pytest.fixture
def memory():
    """A bucket in memory, memory://bucket, that is empty."""
    import fsspec

    from tf_tricks.storage import path_of

    def clear():
        store = fsspec.filesystem("memory")
        store.store.clear()
        store.pseudo_dirs[:] = [""]

    clear()
    yield path_of("memory://bucket")
    clear()


HAS_TPU_COMPILER = sys.platform == "linux" and platform.machine() == "x86_64"


def pytest_collection_modifyitems(items):
    """There is no TPU compiler for other systems; where there is one, its absence is a failure."""
    if not HAS_TPU_COMPILER:
        for item in items:
            if "tpu_compiler" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="libtpu is made for x86-64 Linux only"))

"""Programs of XLA for the host, and what happens where TensorFlow was built without them."""

import numpy as np
import pytest
import tensorflow as tf

from tf_tricks import augment
from tf_tricks.augment import dispatch


@pytest.fixture
def no_compiler(monkeypatch):
    """As in TensorFlow's TPU build."""

    def function(*_, jit_compile, **keywords):
        assert jit_compile
        raise tf.errors.NotFoundError(None, None, "could not find registered transfer manager for platform Host")

    monkeypatch.setattr(tf, "function", function)
    dispatch._has_compiler.cache_clear()
    yield
    dispatch._has_compiler.cache_clear()


def augmented():
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype="uint8")
    return np.asarray(augment.get("standard")(images, seed=1, positions=np.arange(4)))


def test_this_tensorflow_has_a_compiler():
    assert dispatch.can_fuse(np.zeros([1, 2, 2, 3], "uint8"))


def test_without_a_compiler_the_images_are_the_same(request):
    expected = augmented()
    request.getfixturevalue("no_compiler")
    assert not dispatch.can_fuse(np.zeros([1, 2, 2, 3], "uint8"))
    np.testing.assert_array_equal(augmented(), expected)

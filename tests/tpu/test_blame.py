"""TensorFlow's messages as sentences that name the layer; the messages are TensorFlow's own, not made up."""

from pathlib import Path

import keras
import pytest
import tensorflow as tf

from tf_tricks.data import Stream
from tf_tricks.tpu import compiler
from tf_tricks.tpu.blame import explain
from tf_tricks.tpu.blank import BlankSource
from tf_tricks.tpu.step import train_step
from tf_tricks.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
NOWHERE = compiler.Topology("v5e:2x2", "v5e", ())


class OnHost(keras.layers.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(lambda array: array, [x], tf.float32), x.shape)


class EachOnHost(keras.layers.Layer):
    def call(self, x):
        def same(one):
            return tf.ensure_shape(tf.py_function(lambda array: array, [one], tf.float32), one.shape)

        return tf.map_fn(same, x)


class Printing(keras.layers.Layer):
    def call(self, x):
        tf.print(x)
        return x


class Summing(keras.layers.Layer):
    def call(self, x):
        return x + tf.reduce_sum(tf.range(tf.reduce_max(x)))


class Looking(keras.layers.Layer):
    def build(self, shape):
        table = tf.lookup.KeyValueTensorInitializer([1, 2], [3.0, 4.0])
        self.table = tf.lookup.StaticHashTable(table, 0.0)

    def call(self, x):
        return x + self.table.lookup(tf.cast(x, tf.int32))


class Block(keras.layers.Layer):
    def __init__(self):
        super().__init__(name="block")
        self.inner = OnHost(name="inner")

    def call(self, x):
        return self.inner(x)


def sentence(*stack, augment=None):
    """What is said of a model with these layers in it."""
    stack = [keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 1, name="conv"), *stack]
    model = keras.Sequential([*stack, keras.layers.Flatten(), keras.layers.Dense(10)])
    source = BlankSource(tf.TensorSpec([8, 8, 3]), tf.TensorSpec([], tf.int32), 100, 10)
    step = train_step(Trainer(model), Stream(source, augment=augment), batch_size=8)
    with pytest.raises(compiler.NotCompilable) as caught:
        compiler.compile_function(*step, NOWHERE)
    return explain(str(caught.value), model)


PYTHON = (
    "runs Python code (tf.py_function or tf.numpy_function), and {} exists on the host only: write it in keras.ops, or "
    "do it on the host, in tf.data"
)


def test_python_code_in_a_layer():
    line = OnHost.call.__code__.co_firstlineno + 1
    expected = f"the layer 'mine' (OnHost), made in test_blame.py, line {line}, {PYTHON.format('PyFunc')}"
    assert sentence(OnHost(name="mine")) == expected


def test_python_code_in_a_loop_is_told_with_its_line():
    line = EachOnHost.call.__code__.co_firstlineno + 4
    found = sentence(EachOnHost(name="mine"))
    assert f"made in test_blame.py, line {line}, {PYTHON.format('EagerPyFunc')}" in found


def test_a_layer_within_a_layer():
    assert sentence(Block()).startswith("the layer 'inner' (OnHost), made in ")


def test_layers_whose_names_differ_by_their_number():
    assert sentence(keras.layers.ReLU(name="same"), OnHost(name="same_1")).startswith("the layer 'same_1' (OnHost)")
    assert sentence(OnHost(name="twin"), keras.layers.ReLU(name="twin_1")).startswith("the layer 'twin' (OnHost)")


@pytest.mark.parametrize(
    ("layer", "ours"),
    [
        (lambda: keras.layers.RandomRotation(0.1), "Rotation"),
        (lambda: keras.layers.RandomTranslation(0.1, 0.1), "Translation"),
        (lambda: keras.layers.RandomZoom(0.1), "Zoom"),
        (lambda: keras.layers.RandomShear(0.1, 0.1), "Shear"),
    ],
)
def test_an_augmentation_of_keras_has_a_counterpart(layer, ours):
    layer = layer()
    assert sentence(layer) == (
        f"the layer {layer.name!r} (Random{ours}) moves pixels in a way that XLA cannot compile, and "
        f"ImageProjectiveTransformV3 exists on the host only: use tf_tricks.augment.{ours}, which does the same and "
        "compiles"
    )


def test_printing():
    assert "'mine' (Printing)" in sentence(Printing(name="mine"))
    assert sentence(Printing(name="mine")).endswith(": leave tf.print out of the step")


def test_a_shape_that_depends_on_values():
    line = Summing.call.__code__.co_firstlineno + 1
    assert sentence(Summing(name="mine")) == (
        f"the layer 'mine' (Summing), made in test_blame.py, line {line}, makes a shape that depends on values "
        "(Range), and a TPU needs shapes that are known beforehand: keep the shape and mask what is not wanted "
        "(keras.ops.where), or pad to a fixed length"
    )


def test_a_lookup_table():
    assert sentence(Looking()) == (
        "the step uses a resource that is no variable, such as a lookup table: look up on the host, in tf.data"
    )


def on_host(images, labels, seed, positions):
    return tf.ensure_shape(tf.numpy_function(lambda array: array, [images], images.dtype), images.shape), labels


def test_python_code_in_the_augmentation():
    line = on_host.__code__.co_firstlineno + 1
    assert sentence(augment=on_host).startswith(
        f"an operation of the step, made in test_blame.py, line {line}, runs Pyth"
    )


@pytest.mark.parametrize("folder", ["", f"{ROOT}/", f"{str(ROOT).lstrip('/')}/"], ids=["left out", "whole", "no slash"])
def test_lines_of_the_trainer_are_not_the_users(folder):
    """TensorFlow leaves out the folder that all files have in common, such as that of script and package."""
    text = (
        "Detected unsupported operations when trying to compile graph step on XLA_CPU_JIT: PyFunc (No registered "
        "'PyFunc' OpKernel for XLA_CPU_JIT devices){{{{node conv/PyFunc}}}}\n"
        f'File "{folder}tests/tpu/test_blame.py", line 16\nFile "{folder}tf_tricks/engines/objective.py", line 115\n'
        f'{{}}File "{folder}lib/site-packages/keras/src/backend/tensorflow/image.py", line 385'
    )
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 1, name="conv")])
    assert explain(text.format(""), model).startswith("the layer 'conv' (Conv2D) runs Python code")
    theirs = f'File "{folder}tests/tpu/conftest.py", line 7\n'
    assert explain(text.format(theirs), model).startswith(
        "the layer 'conv' (Conv2D), made in conftest.py, line 7, runs"
    )


def test_an_error_of_the_model_itself_is_told_plainly():
    found = explain("Exception encountered when calling Conv2D.call().\n\n\x1b[1mNo such thing\x1b[0m\n\nmore", None)
    assert found == "Exception encountered when calling Conv2D.call(). No such thing"

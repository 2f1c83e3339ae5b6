"""Which part of a step is to blame for what only the compiler refuses: complex128, at which it aborts."""

import re

import keras
import pytest
import tensorflow as tf

import tf_tricks as tt

pytestmark = pytest.mark.tpu_compiler
layers = keras.layers


def wide(x):
    """Traces in TensorFlow, and no TPU can do it."""
    return tf.cast(tf.math.real(2 * tf.cast(x, tf.complex128)), tf.float32)


class Wide(layers.Layer):
    def call(self, x):
        return wide(x)


class WideBackward(layers.Layer):
    def call(self, x):
        return tf.custom_gradient(lambda x: (1.0 * x, wide))(x)


class WideLoss(keras.losses.Loss):
    def call(self, labels, outputs):
        return tf.reduce_mean(wide(outputs) ** 2, -1)


class WideMetric(keras.metrics.Mean):
    def update_state(self, labels, outputs, sample_weight=None):
        return super().update_state(wide(outputs))


class WideSGD(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        return super().update_step(wide(gradient), variable, learning_rate)


def stack(*within):
    return keras.Sequential([keras.Input((4,)), layers.Dense(4), *within, layers.Dense(3)])


def problem(model, **arguments):
    (result,) = tt.tpu.check(model, batch_size=8, topology="v5e:1x1", **arguments).results
    return result.problem


ABORTED = r" does not compile: the TPU compiler has ended itself \(SIGABRT\): Unsupported .*c128"
PARTS = {
    "a layer": (lambda: problem(stack(Wide(name="mine"))), r"the layer 'mine' \(Wide\)"),
    "its gradient": (lambda: problem(stack(WideBackward(name="mine"))), r"the layer 'mine' \(WideBackward\)"),
    "a layer in a model": (
        lambda: problem(stack(keras.Sequential([keras.Input((4,)), layers.ReLU(), Wide(name="inner")]))),
        r"the layer 'inner' \(Wide\)",
    ),
    "the loss": (
        lambda: problem(stack(), loss=WideLoss(), label_spec=tf.TensorSpec([], tf.int32)),
        "the loss",
    ),
    "a metric": (lambda: problem(stack(), metrics=[WideMetric()]), "a metric"),
    "the optimizer": (lambda: problem(stack(), optimizer=WideSGD(0.1)), "the update of the weights"),
    "the augmentation": (
        lambda: problem(stack(), augment=lambda inputs, labels, seed, positions: (wide(inputs), labels)),
        "the augmentation",
    ),
}


@pytest.mark.parametrize("part", PARTS)
def test_what_the_compiler_refuses_is_blamed_on_its_part(part):
    found, expected = PARTS[part]
    text = found()
    assert re.match(f"{expected}{ABORTED}", text), text


def test_a_lookup_is_blamed_and_not_the_layer_before_it():
    model = keras.Sequential(
        [keras.Input((), dtype="int64"), layers.Reshape((1,)), layers.IntegerLookup(vocabulary=[1, 2], name="look")]
        + [layers.Embedding(4, 3), layers.Flatten(), layers.Dense(3)]
    )
    assert problem(model) == (
        "the layer 'look' (IntegerLookup) does not compile: the step uses a resource that is no variable, such as a "
        "lookup table: look up on the host, in tf.data"
    )


def float64():
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="float64")])


def test_float64_compiles():
    assert problem(float64()) is None


def test_what_the_trainer_does_with_float64_is_not_blamed_on_a_layer():
    """SAM and micro-batches add up gradients in float32; the layer compiles in float64."""
    found = problem(float64(), micro_batch=4)
    assert found is None or found.startswith("the step does not compile: "), found

"""What is said of steps that do not compile for a TPU, or do not fit."""

import re

import keras
import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.tpu.advice import advice

compiles = pytest.mark.tpu_compiler
GIB = 2**30


class OnHost(keras.layers.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(lambda array: array, [x], tf.float32), x.shape)


class Wide(keras.layers.Layer):
    """Compiles in TensorFlow, and not for a TPU: there is no such Fourier transform."""

    def call(self, x):
        return tf.cast(tf.math.real(tf.signal.fft(tf.cast(x, tf.complex128))), tf.float32)


def with_layer(layer):
    layers = keras.layers
    return keras.Sequential([keras.Input((8, 8, 3)), layer, layers.Flatten(), layers.Dense(10)])


def only(report):
    (result,) = report.results
    return result


@compiles
def test_a_model_that_is_too_large():
    model = with_layer(keras.layers.Conv2D(512, 3, padding="same"))
    result = only(tt.tpu.check(model, batch_size=2**20, topology="v5e:2x2"))
    assert not result.passes
    assert re.fullmatch(
        r"the step does not fit: it needs \d+\.\d\d GiB in all of a chip's memory, and 15\.75 GiB can be "
        r"used; take a smaller batch \(find_batch looks for the largest\), a micro_batch, or the precision "
        r"mixed_bfloat16",
        result.problem,
    ), result.problem
    assert result.needed_bytes > result.usable_bytes == 15.75 * GIB


@compiles
def test_arguments_that_are_too_large_do_not_fit_either():
    model = keras.Sequential([keras.Input((2**14,)), keras.layers.Dense(2)])
    result = only(tt.tpu.check(model, batch_size=2**18, topology="v5e:1x1"))
    assert result.problem.startswith("the step does not fit: it needs ")
    assert result.needed > result.usable_bytes


@pytest.mark.parametrize(("usable", "end"), [(2**18, ", or a smaller batch"), (2**16, "")])
def test_the_largest_variable_is_named_where_the_weights_fill_the_memory(usable, end):
    """1000·16 numbers of the embedding, 16·4 + 4 of the rest: weights, momentum and gradients, 4 bytes each."""
    table = keras.layers.Embedding(1000, 16, name="table")
    rest = [keras.layers.Flatten(), keras.layers.Dense(4)]
    model = keras.Sequential([keras.Input((1,), dtype="int32"), table, *rest], name="mine")
    trainer = tt.Trainer(model, "momentum")
    assert advice(trainer, 300_000, usable) == (
        "188.31 KiB are what every chip holds whatever the batch: the model's variables 62.77 KiB, the optimizer's "
        "62.78 KiB and the gradients 62.77 KiB; the largest variable is 'mine/table/embeddings', [1000, 16], 62.50 "
        f"KiB: make that smaller, take an optimizer that keeps less{end}"
    )
    assert advice(trainer, 3_000_000, usable).startswith("take a smaller batch")


@compiles
def test_a_model_with_an_operation_of_the_host():
    report = tt.tpu.check(with_layer(OnHost(name="mine")), find_batch=True)
    line = OnHost.call.__code__.co_firstlineno + 1
    assert not report.passes
    assert report.largest_batches == {}
    assert only(report).problem == (
        f"the layer 'mine' (OnHost), made in test_misfits.py, line {line}, runs Python code (tf.py_function or "
        "tf.numpy_function), and PyFunc exists on the host only: write it in keras.ops, or do it on the host, in "
        "tf.data"
    )


@compiles
def test_what_only_the_compiler_refuses_is_found_layer_by_layer():
    problem = only(tt.tpu.check(with_layer(Wide(name="mine")))).problem
    assert re.match(r"the layer 'mine' \(Wide\) does not compile: .*c128", problem), problem

"""Steps compiled for TPUs: what is reported of them, and what is said of those that do not compile or fit."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.augment import dispatch
from tf_tricks.data import Stream
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.errors import RequestError
from tf_tricks.tpu import compiler
from tf_tricks.tpu.blank import BlankSource
from tf_tricks.tpu.step import train_step

compiles = pytest.mark.tpu_compiler


def with_layer(layer):
    layers = keras.layers
    return keras.Sequential([keras.Input((8, 8, 3)), layer, layers.Flatten(), layers.Dense(10)])


def only(report):
    (result,) = report.results
    return result


# What is reported


@compiles
def test_the_gradients_are_summed_once(convnet):
    """Data-parallel over 4 chips: at most twice the parameters' bytes, and the statistics of batch normalization."""
    result = only(tt.tpu.check(convnet, batch_size=32, metrics=["accuracy"], topology="v5e:2x2"))
    statistics = sum(4 * int(np.prod(v.shape)) for v in convnet.non_trainable_variables)
    assert result.parameter_bytes == sum(4 * int(np.prod(v.shape)) for v in convnet.trainable_variables)
    assert result.program.all_reduces > 0
    assert result.parameter_bytes <= result.program.all_reduce_bytes <= 2 * result.parameter_bytes + statistics
    assert result.program.other_collectives == {}


@compiles
def test_a_single_chip_sums_nothing(convnet):
    assert only(tt.tpu.check(convnet, topology="v5e:1x1")).program.all_reduces == 0


@compiles
def test_the_arguments_are_the_batch_the_weights_and_the_optimizer(convnet):
    """Images and labels of a chip, the weights, one slot for each that is trained, and a few scalars."""
    result = only(tt.tpu.check(convnet, batch_size=512, topology="v5e:2x2"))
    images = 128 * 16 * 16 * 3 * 4 + 128 * 4
    weights = 4 * convnet.count_params() + result.parameter_bytes
    assert images + weights < result.program.argument_bytes < 1.1 * (images + weights) + 2**16


@compiles
def test_twice_the_batch_is_about_twice_the_work(convnet):
    small, large = tt.tpu.check(convnet, batch_size=[64, 128]).results
    assert large.program.flops / small.program.flops == pytest.approx(2, rel=0.05)
    assert (small.batch_size, large.batch_size) == (64, 128)


@compiles
def test_several_topologies(convnet):
    report = tt.tpu.check(convnet, topology=["v5e:2x2", "v6e:2x2", "v4:2x2x1", "v5p:2x2x1"])
    assert report.passes
    assert [result.chips for result in report.results] == [4, 4, 4, 4]
    assert len({result.usable_bytes for result in report.results}) == 4
    assert set(report.versions) == {"tf_tricks", "tensorflow", "keras", "jax", "jaxlib", "libtpu"}


@compiles
@pytest.mark.parametrize("optimizer", ["momentum", {"name": "sam", "optimizer": "momentum"}])
def test_micro_batches_do_the_work_of_the_batch(convnet, optimizer):
    whole, parts = (
        only(tt.tpu.check(convnet, optimizer=optimizer, batch_size=256, micro_batch=micro_batch))
        for micro_batch in (None, 64)
    )
    assert parts.program.flops / whole.program.flops == pytest.approx(1, rel=0.1)
    assert (whole.at_once, parts.at_once) == (256, 64)
    assert not parts.loops


@compiles
def test_sam_does_the_work_of_two_steps():
    model = keras.Sequential([keras.Input((256,)), keras.layers.Dense(256), keras.layers.Dense(10)])
    plain, sam = (
        only(tt.tpu.check(model, optimizer=optimizer, batch_size=256, topology="v5e:1x1")).program
        for optimizer in ("sgd", {"name": "sam", "optimizer": "sgd"})
    )
    assert sam.flops / plain.flops == pytest.approx(2, rel=0.1)


@compiles
def test_the_largest_batch_fits_and_the_next_does_not(v5e):
    """On images that are large, so that few of them fit."""
    model = keras.Sequential(
        [keras.Input((512, 512, 8)), keras.layers.Conv2D(64, 3, padding="same"), keras.layers.ReLU()]
        + [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
    )
    lines = []
    report = tt.tpu.check(model, batch_size=16, topology="v5e:2x2", find_batch=True, say=lines.append)
    largest = report.largest_batches["v5e:2x2"]
    tried = [int(re.search(r"batch of (\d+)", line).group(1)) for line in lines if "batch of" in line]
    fits = dict(zip(tried, ["too large" not in line for line in lines if line.startswith("  ")]))
    assert fits[largest]
    assert largest % 4 == 0
    assert not fits[min(batch for batch in tried if batch > largest)]
    assert min(batch for batch in tried if batch > largest) <= largest + max(4, largest / 16)


@compiles
def test_a_model_of_two_inputs_and_labels_that_are_given():
    a, b = keras.Input((4,), name="a"), keras.Input((6,), dtype="int32", name="b")
    embedded = keras.layers.Flatten()(keras.layers.Embedding(10, 3)(b))
    model = keras.Model({"a": a, "b": b}, keras.layers.Dense(2)(keras.layers.Concatenate()([a, embedded])))
    label = tf.TensorSpec([2], tf.float32)
    assert tt.tpu.check(model, loss="mean_squared_error", batch_size=8, label_spec=label).passes


@compiles
def test_a_model_of_a_list_of_inputs():
    """As Keras has it for `keras.Model([first, second], …)`."""
    first, second = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([first, second], keras.layers.Dense(4)(first + second))
    result = only(tt.tpu.check(model, batch_size=8, topology="v5e:1x1"))
    assert result.passes, result.problem


@compiles
def test_soft_labels_and_the_xla_way_of_the_augmentation():
    """The augmentation takes the way for XLA while it is traced, as it does on a TPU."""
    ways, mixup = [], tt.augment.Mixup(num_classes=10)

    def augment(images, labels, seed, positions):
        ways.append(dispatch.has_host_kernels())
        return mixup(images, labels, seed=seed, positions=positions)

    assert tt.tpu.check(with_layer(keras.layers.ReLU()), augment=augment, topology="v5e:1x1").passes
    assert False in ways
    assert ways[-1] is False


@compiles
@pytest.mark.parametrize(
    "arguments",
    [
        dict(clip_global_norm=1.0, l2=1e-4),
        dict(clip_norm=1.0, clip_value=0.1, weight_decay=1e-4, optimizer="adam_w"),
        dict(optimizer=keras.optimizers.SGD(use_ema=True)),
    ],
    ids=["global norm", "norms", "average"],
)
def test_what_happens_between_gradient_and_weights(convnet, arguments):
    assert tt.tpu.check(convnet, topology="v5e:1x1", **arguments).passes


@compiles
def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    half = only(tt.tpu.check(with_layer(keras.layers.Conv2D(64, 3)), batch_size=256, topology="v5e:1x1"))
    keras.config.set_dtype_policy("float32")
    full = only(tt.tpu.check(with_layer(keras.layers.Conv2D(64, 3)), batch_size=256, topology="v5e:1x1"))
    assert half.program.bytes_accessed < full.program.bytes_accessed


@compiles
def test_the_model_and_the_optimizer_are_left_alone(convnet):
    before, optimizer = [np.array(v) for v in convnet.weights], keras.optimizers.SGD(0.1, momentum=0.9)
    tt.tpu.check(convnet, optimizer=optimizer, topology="v5e:1x1")
    for old, new in zip(before, convnet.weights):
        np.testing.assert_array_equal(old, new)
    assert not optimizer.built
    assert getattr(convnet, "optimizer", None) is None


# Requests that are refused before anything is compiled


@compiles
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(batch_size=30), "a batch of 30 cannot be split over 4 replicas; 32 can"),
        (dict(batch_size=0), "batch_size must be an integer at least 1, not 0"),
        (dict(batch_size=32, micro_batch=6), "micro_batch=6 cannot be split over 4 replicas"),
        (dict(augment=tt.augment.Mixup(10), batch_size=4), "mixup needs an even batch on each device"),
        (dict(topology="v5e:3x3"), "there is no TPU topology 'v5e:3x3'"),
        (dict(optimizer="adm"), "did you mean 'adam'"),
        (
            dict(loss="mean_squared_error", label_spec=tf.TensorSpec([7])),
            "cannot compare the labels of the training data, float32 \\[2, 7\\]",
        ),
    ],
    ids=str,
)
def test_a_request_that_cannot_be_carried_out(convnet, arguments, message):
    with pytest.raises(RequestError, match=message):
        tt.tpu.check(convnet, **arguments)


@compiles
def test_a_model_without_fixed_shapes():
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)])
    with pytest.raises(
        RequestError, match=r"a TPU needs fixed shapes, and an input .* is \[None, 4\]: give input_spec"
    ):
        tt.tpu.check(model)
    assert tt.tpu.check(model, input_spec=tf.TensorSpec([6, 4]), topology="v5e:1x1").passes


# The step itself, which needs no compiler


@pytest.mark.parametrize(
    ("arguments", "micro_batch"),
    [({}, None), ({}, 8), ({"optimizer": {"name": "sam", "optimizer": "momentum"}}, 8)],
    ids=["whole", "micro-batches", "sam"],
)
def test_the_step_does_what_the_trainer_does(arguments, micro_batch):
    """Run on the CPU, the compiled function leaves the weights that the loop leaves."""
    rng = np.random.default_rng(0)
    data = rng.normal(size=(16, 8, 8, 3)).astype("float32"), rng.integers(0, 10, 16).astype("int32")
    weights = []
    for run in (with_loop, with_step):
        keras.utils.set_random_seed(1)
        model = with_layer(keras.layers.Conv2D(4, 3))
        run(tt.Trainer(model, micro_batch=micro_batch, **arguments), Stream(data), micro_batch)
        weights.append([np.array(v) for v in model.weights])
    for expected, found in zip(*weights):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def with_loop(trainer, stream, micro_batch):
    from tf_tricks.engines.objective import Objective

    loop = Loop(trainer.strategy, Objective(trainer.model, trainer.shares), trainer.update, micro_batch=micro_batch)
    loop.start(stream, 16, 0)
    loop.run([0.1])


def with_step(trainer, stream, micro_batch):
    step = train_step(trainer, stream, 16, micro_batch)
    inputs, labels = stream.fetch(tf.range(16, dtype=tf.int64))
    size = 16 if micro_batch is None else micro_batch
    stacked = [tf.reshape(t, [-1, size, *t.shape[1:]]) for t in (inputs, labels)]
    step.function(tf.constant(0, tf.int64), tf.constant(0.1), tf.constant(True), *stacked)


def test_examples_without_a_fixed_shape(convnet):
    source = BlankSource(tf.TensorSpec([16, 16, 3]), tf.TensorSpec([], tf.int32), 64, 10)
    source.fetch = lambda indices, positions=None: (tf.zeros([indices.shape[0], 1, 1]), tf.where(indices > 3))
    with pytest.raises(RequestError, match=r"a TPU needs fixed shapes, and those of the examples are \[None, 1\]"):
        train_step(tt.Trainer(convnet), Stream(source), 8)


def test_blank_examples():
    source = BlankSource(tf.TensorSpec([4, 4, 3], tf.uint8), tf.TensorSpec([], tf.int32), 64, 10)
    inputs, labels = source.fetch(tf.range(5, dtype=tf.int64))
    assert (inputs.shape, inputs.dtype, labels.shape) == ((5, 4, 4, 3), tf.uint8, (5,))
    assert (source.input_shape, source.input_dtype, source.num_outputs) == ((4, 4, 3), "uint8", 10)


def test_several_replicas_are_refused(convnet):
    trainer = tt.Trainer(convnet)
    trainer.num_replicas = 2
    with pytest.raises(RequestError, match="the check wants a trainer of one replica, not of 2"):
        tt.tpu.check_trainer(trainer, None, compiler.Topology("v5e:2x2", "v5e", ()), [8])

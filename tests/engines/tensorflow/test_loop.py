"""The compiled loop: traces, grouping, micro-batches, and the same as a loop written out by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.problems import convnet, image_data, linear_data, linear_model, objective

from tf_tricks.data import Stream
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.engines.update import Update
from tf_tricks.optimizers import SAM

MSE = keras.losses.MeanSquaredError()


def linear_loop(micro_batch=None, metrics=None, l2=0.0, optimizer=None):
    keras.utils.set_random_seed(0)
    model = linear_model()
    update = Update(optimizer or keras.optimizers.SGD(momentum=0.9), model.trainable_variables, l2=l2)
    return Loop(tf.distribute.get_strategy(), objective(model, MSE, metrics=metrics), update, micro_batch)


def stream():
    return Stream(linear_data(), seed=1)


def weights(loop):
    return [v.numpy() for v in loop.objective.model.weights]


def traces(loop, batch_size):
    return loop._functions[batch_size].experimental_get_tracing_count()


def test_any_number_of_updates_a_call_has_one_trace():
    loop = linear_loop()
    loop.start(stream(), 8, 0)
    for number in (1, 2, 3):
        loop.run([0.01] * number)
    assert traces(loop, 8) == 1


def test_one_trace_for_each_batch_size_and_none_on_return():
    loop = linear_loop()
    for batch_size in (8, 16, 8):
        loop.start(stream(), batch_size, 0)
        loop.run([0.01])
    assert {size: traces(loop, size) for size in loop._functions} == {8: 1, 16: 1}


def test_losses_come_one_for_each_update():
    loop = linear_loop()
    loop.start(stream(), 8, 0)
    losses, _ = loop.run([0.01] * 3)
    assert losses.shape == (3,)


@pytest.mark.parametrize("groups", [(1,) * 7, (3, 4), (2, 4, 1)])
def test_grouping_into_calls_changes_no_bit(groups):
    rates = [0.01 * (i + 1) for i in range(7)]
    outcomes = []
    for sizes in ((7,), groups):
        loop = linear_loop()
        loop.start(stream(), 8, 0)
        ends = np.cumsum(sizes)
        losses = [loop.run(rates[end - size : end])[0] for size, end in zip(sizes, ends)]
        outcomes.append([np.concatenate(losses), *weights(loop)])
    for one, other in zip(*outcomes):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("micro_batch", [1, 4, 8])
def test_micro_batches_give_what_the_whole_batch_gives(micro_batch):
    outcomes = []
    for size in (None, micro_batch):
        loop = linear_loop(size, l2=0.01)
        loop.start(stream(), 16, 0)
        losses, norms = loop.run([0.02] * 4)
        outcomes.append([losses, norms, *weights(loop)])
    for one, other in zip(*outcomes):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_the_loop_written_out_in_numpy():
    loop, rates = linear_loop(), [0.02, 0.01, 0.03]
    kernel, bias = (w.astype("float64") for w in weights(loop))
    loop.start(stream(), 8, 24)
    losses, norms = loop.run(rates)

    velocity = [0.0, 0.0]
    for i, rate in enumerate(rates):
        inputs, labels = (a.numpy() for a in stream().fetch(24 + 8 * i + tf.range(8, dtype=tf.int64)))
        errors = inputs @ kernel + bias - labels
        gradients = [2 * inputs.T @ errors / 8, 2 * errors.mean(axis=0)]
        velocity = [0.9 * v - rate * g for v, g in zip(velocity, gradients)]
        np.testing.assert_allclose(losses[i], np.mean(errors**2), rtol=1e-5)
        last = [kernel, bias]
        kernel, bias = kernel + velocity[0], bias + velocity[1]
    expected = [np.sqrt(sum(np.sum(a**2) for a in arrays)) for arrays in (gradients, last)]
    np.testing.assert_allclose(norms, expected, rtol=1e-5)
    for value, wanted in zip(weights(loop), [kernel, bias]):
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_sam_written_out_in_numpy(micro_batch):
    rates, rho = [0.02, 0.01], 0.5
    loop = linear_loop(micro_batch, optimizer=SAM(keras.optimizers.SGD(), rho=rho))
    kernel, bias = (w.astype("float64") for w in weights(loop))
    loop.start(stream(), 8, 0)
    losses, _ = loop.run(rates)

    for i, rate in enumerate(rates):
        inputs, labels = (a.numpy() for a in stream().fetch(8 * i + tf.range(8, dtype=tf.int64)))

        def gradients(kernel, bias, inputs=inputs, labels=labels):
            errors = inputs @ kernel + bias - labels
            return 2 * inputs.T @ errors / 8, 2 * errors.mean(axis=0)

        np.testing.assert_allclose(losses[i], np.mean((inputs @ kernel + bias - labels) ** 2), rtol=1e-5)
        up = gradients(kernel, bias)
        length = np.sqrt(sum(np.sum(g**2) for g in up))
        there = gradients(*(w + rho * g / length for w, g in zip((kernel, bias), up)))
        kernel, bias = kernel - rate * there[0], bias - rate * there[1]
    for value, wanted in zip(weights(loop), [kernel, bias]):
        np.testing.assert_allclose(value, wanted, rtol=1e-5)


def test_loss_of_an_update_has_the_penalty_of_the_weights_before_it():
    loop = linear_loop(l2=0.5)
    penalty = float(loop.update.penalty())
    plain = linear_loop()
    for each in (loop, plain):
        each.start(stream(), 8, 0)
    assert loop.run([0.1])[0][0] == pytest.approx(plain.run([0.1])[0][0] + penalty, rel=1e-6)


def test_metrics_see_every_batch():
    metric = keras.metrics.MeanSquaredError()
    loop = linear_loop(metrics=[metric])
    loop.objective.model._compile_metrics.build(np.zeros((1, 1)), np.zeros((1, 1)))
    loop.start(stream(), 8, 0)
    losses, _ = loop.run([0.01] * 3)
    assert float(metric.result()) == pytest.approx(losses.mean(), rel=1e-5)


@pytest.mark.parametrize("micro_batch", [None, 8])
def test_moving_statistics_are_assigned_after_every_pass(micro_batch):
    images, labels = image_data(16)
    model, twin = convnet(), convnet()
    twin.set_weights(model.get_weights())
    update = Update(keras.optimizers.SGD(), model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    loop = Loop(tf.distribute.get_strategy(), objective(model, loss), update, micro_batch=micro_batch)
    batches = Stream((images, labels), seed=1)
    loop.start(batches, 16, 0)
    loop.run([0.0])
    size = micro_batch or 16
    for start in range(0, 16, size):
        twin(batches.fetch(start + tf.range(size, dtype=tf.int64))[0], training=True)
    for value, wanted in zip(model.non_trainable_weights, twin.non_trainable_weights, strict=True):
        np.testing.assert_allclose(value.numpy(), wanted.numpy(), rtol=1e-5, atol=1e-6)

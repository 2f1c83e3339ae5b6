import keras
import numpy as np
import pytest
from support import forked

from tf_tricks.models.blocks import conv, normalization


def test_batch_norm_can_be_made_on_other_backends(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert not normalization().synchronized


def test_batch_norm_normalizes_on_one_device():
    x = np.random.default_rng(0).normal(3.0, 2.0, (64, 4)).astype("float32")
    expected = (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5)
    np.testing.assert_allclose(normalization()(x, training=True), expected, atol=1e-5)


def test_batch_norm_takes_its_statistics_over_all_replicas():
    # TensorFlow's devices are fixed once it has run: two of them need a process of their own.
    program = """
import keras, numpy as np, tensorflow as tf
from tf_tricks.models.blocks import normalization

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, 2 * [tf.config.LogicalDeviceConfiguration()])
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
# Two replicas whose examples have nothing in common.
x = np.random.default_rng(0).normal([[3.0]] * 8 + [[-5.0]] * 8, 2.0, (16, 4)).astype("float32")
with strategy.scope():
    layer = normalization()
    layer.build((None, 4))
shards = strategy.experimental_distribute_values_from_function(
    lambda context: tf.constant(np.split(x, 2)[context.replica_id_in_sync_group])
)
outputs = tf.function(lambda x: strategy.run(lambda x: layer(x, training=True), args=(x,)))(shards)
outputs = np.concatenate([value.numpy() for value in outputs.values])
np.testing.assert_allclose(outputs, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), atol=1e-5)
for replica in range(2):
    np.testing.assert_allclose(layer.moving_mean.value.values[replica], 0.1 * x.mean(0), atol=1e-6)
"""
    forked.run(program)


@pytest.mark.parametrize(("kernel_size", "strides"), [(1, 1), (3, 1), (7, 1), (1, 2), (3, 2), (7, 2)])
@pytest.mark.parametrize("size", [8, 7, 1])
def test_a_convolution_keeps_the_size_or_halves_it_rounding_up(kernel_size, strides, size):
    assert conv(keras.Input((size, size, 3)), 5, kernel_size, strides).shape == (None, *2 * (-(-size // strides),), 5)


def test_a_convolution_is_he_initialized():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 64))
    kernel = keras.Model(inputs, conv(inputs, 64, 3)).layers[-1].kernel.numpy()
    assert kernel.var() == pytest.approx(2 / (9 * 64), rel=0.05)

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support import forked

from tf_tricks.errors import RequestError
from tf_tricks.layers.batch_normalization import BatchNormalization

MODES = [{"mode": "synchronized"}, {"mode": "per_replica"}, {"mode": "ghost", "ghost_size": 4}]


def _inputs(*shape, seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, shape).astype("float32")


def _normalized(x, groups, axis, epsilon):
    """Ioffe & Szegedy's formula in each of `groups` consecutive groups; and the means of their statistics."""
    outputs, means, variances = [], [], []
    for part in np.split(x.astype("float64"), groups):
        axes = tuple(a for a in range(x.ndim) if a != axis % x.ndim)
        mean, variance = part.mean(axes, keepdims=True), part.var(axes, keepdims=True)
        outputs.append((part - mean) / np.sqrt(variance + epsilon))
        means.append(mean.ravel())
        variances.append(variance.ravel())
    return np.concatenate(outputs), np.mean(means, 0), np.mean(variances, 0)


@settings(max_examples=30)
@given(
    groups=st.integers(1, 4),
    ghost_size=st.integers(1, 5),
    inner=st.sampled_from([(3,), (4, 3), (2, 3, 2)]),
    axis=st.sampled_from([1, -1]),
    mode=st.sampled_from(["synchronized", "per_replica", "ghost"]),
    seed=st.integers(0, 10**6),
)
def test_each_mode_is_the_formula(groups, ghost_size, inner, axis, mode, seed):
    x = _inputs(groups * ghost_size, *inner, seed=seed).astype("float64")
    groups, ghost_size = (groups, ghost_size) if mode == "ghost" else (1, None)
    layer = BatchNormalization(axis, momentum=0.7, epsilon=1e-3, mode=mode, ghost_size=ghost_size, dtype="float64")
    layer.build((None, *inner))
    gamma, beta = np.random.default_rng(seed).normal(size=(2, x.shape[axis]))
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    y, mean, variance = _normalized(x, groups, axis, epsilon=1e-3)
    along = [1] * x.ndim
    along[axis] = -1
    expected = y * gamma.reshape(along) + beta.reshape(along)
    np.testing.assert_allclose(np.asarray(layer(x, training=True)), expected, atol=1e-6)
    np.testing.assert_allclose(np.asarray(layer.moving_mean), 0.3 * mean, atol=1e-6)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), 0.7 + 0.3 * variance, atol=1e-6)


def _train_once(layer, x):
    """One SGD step at rate 1 through `layer` and a dense one below it; all weights and statistics after it."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(5), layer])
    model.compile(keras.optimizers.SGD(1.0), "mse", jit_compile=False)
    model.train_on_batch(x, _inputs(*x.shape[:-1], 5, seed=9))
    return model.get_weights()


@pytest.mark.parametrize("mode", ["synchronized", "per_replica"])
@pytest.mark.parametrize("shape", [(16, 3), (8, 4, 4, 3)])
def test_on_one_device_gradients_and_statistics_are_those_of_keras(mode, shape):
    x = _inputs(*shape)
    ours = _train_once(BatchNormalization(mode=mode), x)
    theirs = _train_once(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5), x)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-6, atol=2e-6)


@pytest.mark.parametrize("training", [True, False])
def test_ghosts_are_the_groups_normalized_by_keras_one_at_a_time(training):
    x = _inputs(12, 4, 4, 3)
    ghost = BatchNormalization(mode="ghost", ghost_size=4)
    outputs, means = [], []
    for part in np.split(x, 3):
        keras_own = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)
        outputs.append(np.asarray(keras_own(part, training=training)))
        means.append([np.asarray(keras_own.moving_mean), np.asarray(keras_own.moving_variance)])
    np.testing.assert_allclose(np.asarray(ghost(x, training=training)), np.concatenate(outputs), atol=2e-6)
    moving = [np.asarray(ghost.moving_mean), np.asarray(ghost.moving_variance)]
    np.testing.assert_allclose(moving, np.mean(means, axis=0), rtol=1e-6)


def test_one_ghost_has_the_gradients_of_keras():
    x = _inputs(8, 4, 4, 3)
    ours = _train_once(BatchNormalization(mode="ghost", ghost_size=8), x)
    theirs = _train_once(keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5), x)
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=1e-6, atol=2e-6)


def test_on_two_replicas_only_the_synchronized_statistics_are_of_the_whole_batch():
    # TensorFlow's devices are fixed once it has run: two of them need a process of their own.
    program = """
import keras, numpy as np, tensorflow as tf
from tf_tricks.layers.batch_normalization import BatchNormalization

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, 2 * [tf.config.LogicalDeviceConfiguration()])
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
# Two replicas whose examples have nothing in common.
x = np.random.default_rng(0).normal([[3.0]] * 8 + [[-5.0]] * 8, 2.0, (16, 4)).astype("float32")
shards = strategy.experimental_distribute_values_from_function(
    lambda context: tf.constant(np.split(x, 2)[context.replica_id_in_sync_group])
)
for mode, ghost_size, groups in ("synchronized", None, 1), ("per_replica", None, 2), ("ghost", 4, 4):
    with strategy.scope():
        layer = BatchNormalization(mode=mode, ghost_size=ghost_size)
        layer.build((None, 4))
    outputs = tf.function(lambda x: strategy.run(lambda x: layer(x, training=True), args=(x,)))(shards)
    outputs = np.concatenate([value.numpy() for value in outputs.values])
    expected = np.concatenate([(p - p.mean(0)) / np.sqrt(p.var(0) + 1e-5) for p in np.split(x, groups)])
    np.testing.assert_allclose(outputs, expected, atol=1e-5, err_msg=mode)
"""
    forked.run(program)


@pytest.mark.parametrize("arguments", MODES)
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_is_computed_in_float32(arguments, policy):
    # The squares of these values are outside what float16 can hold.
    x = np.array([[1000.0], [3000.0]] * 4, "float32")
    layer = BatchNormalization(**arguments, momentum=0.0, dtype=policy)
    y = layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
    np.testing.assert_allclose(np.asarray(y).astype("float32"), [[-1.0], [1.0]] * 4, rtol=1e-2)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), [1e6], rtol=0.02)


@pytest.mark.parametrize("arguments", MODES)
def test_a_constant_feature_gives_beta(arguments):
    layer = BatchNormalization(**arguments, beta_initializer=keras.initializers.Constant(0.5))
    y = np.asarray(layer(np.full((8, 2), 0.25, "float32"), training=True))
    np.testing.assert_allclose(y, 0.5, atol=1e-5)


@pytest.mark.parametrize("arguments", [{}, {"mode": "per_replica"}, {"mode": "ghost", "ghost_size": 1}])
def test_a_batch_of_one_gives_beta(arguments):
    np.testing.assert_allclose(np.asarray(BatchNormalization(**arguments)(_inputs(1, 3), training=True)), 0, atol=1e-3)


@pytest.mark.parametrize("arguments", MODES)
@pytest.mark.parametrize("leave_out", ["scale", "center"])
def test_gamma_and_beta_can_be_left_out(arguments, leave_out):
    x = _inputs(8, 3)
    layer = BatchNormalization(**arguments, **{leave_out: False})
    groups = 2 if arguments["mode"] == "ghost" else 1
    np.testing.assert_allclose(
        np.asarray(layer(x, training=True)), _normalized(x, groups, -1, epsilon=1e-5)[0], atol=1e-5
    )
    assert len(layer.trainable_variables) == 1


def test_where_the_batch_is_not_known_the_last_ghost_is_smaller():
    x = _inputs(10, 3, 2)
    layer = BatchNormalization(mode="ghost", ghost_size=4)
    layer.build(x.shape)
    parts = [np.asarray(BatchNormalization()(x[a:b], training=True)) for a, b in ((0, 4), (4, 8), (8, 10))]
    graph = tf.function(lambda x: layer(x, training=True), input_signature=[tf.TensorSpec([None, 3, 2])])
    np.testing.assert_allclose(np.asarray(graph(x)), np.concatenate(parts), atol=2e-6)
    means = [x[a:b].mean(axis=(0, 1)) for a, b in ((0, 4), (4, 8), (8, 10))]
    np.testing.assert_allclose(np.asarray(layer.moving_mean), 0.1 * np.mean(means, axis=0), rtol=1e-4)


def test_plain_fit_takes_a_last_batch_of_any_size():
    model = keras.Sequential([keras.Input((3,)), BatchNormalization(mode="ghost", ghost_size=4), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(_inputs(22, 3), np.zeros((22, 1)), batch_size=8, verbose=0)
    assert np.isfinite(np.asarray(model.layers[0].moving_variance)).all()


def test_a_ghost_size_that_does_not_divide_the_batch_gets_a_sentence():
    layer = BatchNormalization(mode="ghost", ghost_size=4)
    with pytest.raises(RequestError, match="ghost_size 4 does not divide the batch of 6 examples"):
        layer(_inputs(6, 3), training=True)
    assert layer(_inputs(6, 3), training=False).shape == (6, 3)


def test_ghosts_train_in_a_model_whose_batch_size_is_unknown():
    model = keras.Sequential([keras.Input((None, None, 2)), BatchNormalization(mode="ghost", ghost_size=2)])
    model.compile("sgd", "mse", jit_compile=False)
    x = _inputs(8, 3, 3, 2)
    assert np.isfinite(model.fit(x, x, batch_size=4, verbose=0).history["loss"]).all()


def test_zero_gamma_makes_the_layer_start_at_zero():
    assert (np.asarray(BatchNormalization(zero_gamma=True)(_inputs(4, 3), training=True)) == 0).all()


def test_a_frozen_layer_uses_and_keeps_what_it_has_even_if_the_model_is_made_trainable():
    x = _inputs(8, 3)
    for arguments in MODES:
        layer = BatchNormalization(**arguments, frozen=True, gamma_regularizer="l2")
        model = keras.Sequential([keras.Input((3,)), layer, keras.layers.Dense(3)])
        model.trainable = False
        model.trainable = True
        layer.moving_mean.assign([1.0, 2.0, 3.0])
        before = layer.get_weights()
        np.testing.assert_allclose(np.asarray(layer(x, training=True)), x - [1.0, 2.0, 3.0], rtol=1e-4, atol=1e-4)
        model.compile("sgd", "mse", jit_compile=False)
        model.fit(x, x, verbose=0)
        assert layer.trainable_weights == []
        for old, new in zip(before, layer.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


def test_weights_of_a_trained_layer_load_into_a_frozen_one(tmp_path):
    trained = keras.Sequential([keras.Input((3,)), BatchNormalization()])
    trained.layers[0].set_weights([np.full(3, v) for v in (1.0, 2.0, 3.0, 4.0)])
    trained.save_weights(tmp_path / "a.weights.h5")
    frozen = keras.Sequential([keras.Input((3,)), BatchNormalization(frozen=True)])
    frozen.load_weights(tmp_path / "a.weights.h5")
    x = _inputs(4, 3)
    np.testing.assert_allclose(np.asarray(frozen(x)), np.asarray(trained(x)), atol=1e-6)


def test_trainable_false_freezes_a_ghost_layer():
    layer = BatchNormalization(mode="ghost", ghost_size=2, trainable=False)
    x = _inputs(4, 3)
    np.testing.assert_array_equal(np.asarray(layer(x, training=True)), np.asarray(layer(x, training=False)))


def test_the_config_names_the_mode_so_that_every_backend_can_load_it(monkeypatch):
    config = BatchNormalization(mode="synchronized").get_config()
    assert config["mode"] == "synchronized"
    assert "synchronized" not in config
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    assert not BatchNormalization.from_config(config).synchronized


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "gost"}, "no mode of batch normalization 'gost'; did you mean 'ghost'"),
        ({"mode": "ghost"}, "go together, not None and 'ghost'"),
        ({"ghost_size": 4}, "go together, not 4 and 'synchronized'"),
        ({"mode": "ghost", "ghost_size": 0}, "ghost_size must be an integer at least 1"),
        ({"synchronized": True}, 'mode="synchronized"'),
        ({"zero_gamma": True, "scale": False}, "zero_gamma needs a gamma"),
        ({"momentum": 1.5}, "momentum must be a number at least 0 and at most 1"),
        ({"epsilon": -1}, "epsilon must be a number at least 0"),
        ({"mode": "ghost", "ghost_size": 2, "renorm": True}, "renorm"),
    ],
)
def test_unusable_arguments_get_a_sentence(arguments, message):
    with pytest.raises(RequestError, match=message):
        BatchNormalization(**arguments)


def test_ghosts_take_no_mask():
    with pytest.raises(RequestError, match="takes no mask"):
        BatchNormalization(mode="ghost", ghost_size=2)(_inputs(2, 3, 4), training=True, mask=np.ones((2, 3), bool))

"""What the tests of random layers share."""

import numpy as np
from keras import ops


def with_one_mask(layer, *inputs, **arguments):
    """The layer's outputs in training for several inputs, all under the mask that the first draw gives."""
    if not layer.built:
        layer.build(np.shape(inputs[0]))
    state = ops.convert_to_numpy(layer.seed_generator.state)
    outputs = []
    for x in inputs:
        layer.seed_generator.state.assign(state)
        outputs.append(to_numpy(layer(ops.convert_to_tensor(x, layer.compute_dtype), training=True, **arguments)))
    return outputs


def to_numpy(x):
    """A float64 array, whatever the precision of `x`."""
    return np.asarray(ops.convert_to_numpy(ops.cast(x, "float64")))


def assert_fraction(flags, probability, draws=None):
    """The mean of independent flags is their probability, within five standard deviations of a binomial."""
    draws = draws or np.size(flags)
    bound = 5 * np.sqrt(probability * (1 - probability) / draws)
    assert abs(np.mean(flags) - probability) <= bound


def assert_independent(ones, others, probability):
    """Two masks agree as often as independent ones that are each True with this probability."""
    assert_fraction(np.asarray(ones) == np.asarray(others), probability**2 + (1 - probability) ** 2)


def objective_outputs(layer, shape, positions):
    """The outputs for ones in a training pass of the trainer, for batches at several positions in the stream."""
    import keras
    import tensorflow as tf

    from tf_tricks.engines.objective import Objective
    from tf_tricks.engines.tensorflow.passes import Passes
    from tf_tricks.training.compiled import compile_model

    ones = tf.ones(shape)
    model = keras.Sequential([keras.Input(shape[1:]), layer])
    passes = Passes(Objective(model, compile_model(model, None, keras.losses.MeanSquaredError())))
    labels = tf.ones(model(ones).shape)
    return [passes((ones, labels), tf.constant(k, tf.int64)).outputs.numpy() for k in positions]


def compiled(layer):
    """The layer in training, compiled by XLA for a static shape."""
    import tensorflow as tf

    return tf.function(lambda x: layer(x, training=True), jit_compile=True, autograph=False)

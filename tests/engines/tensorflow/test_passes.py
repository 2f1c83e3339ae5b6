"""Loss and gradient of one pass are Keras's; randomness depends on the position in the stream alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from support.problems import convnet, image_data, linear_data, linear_model, passes

CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
MSE = keras.losses.MeanSquaredError()


def position(k):
    return tf.constant(k, tf.int64)


def batch(number=8):
    images, labels = image_data(number)
    return tf.constant(images), tf.constant(labels)


def keras_gradient(model, loss, inputs, labels):
    """Loss and gradient as Keras's own training step has them."""
    with tf.GradientTape() as tape:
        value = loss(labels, model(inputs, training=True))
        value += sum(model.losses)
    return value, tape.gradient(value, model.trainable_variables)


def assert_close(ones, others, tolerance=1e-6):
    for one, other in zip(ones, others, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_loss_and_gradient_are_those_of_keras(jit_compile):
    model = convnet()
    outcome = passes(model, CROSS_ENTROPY, jit_compile=jit_compile)(batch(), position(0))
    loss, gradients = keras_gradient(model, CROSS_ENTROPY, *batch())
    assert_close([outcome.loss, *outcome.gradients], [loss, *gradients], 1e-5)


def test_compiled_statistics_are_those_of_the_plain_pass():
    model = convnet()
    plain = passes(model, CROSS_ENTROPY)(batch(), position(0))
    compiled = passes(model, CROSS_ENTROPY, jit_compile=True)(batch(), position(0))
    assert_close(compiled.states, plain.states, 1e-5)


def test_moving_statistics_are_returned():
    model = convnet()
    made = passes(model, CROSS_ENTROPY)
    outcome = made(batch(), position(0))
    model(batch()[0], training=True)
    assert_close(outcome.states, made.objective.changed_variables)


def test_moving_statistics_are_not_assigned():
    model = convnet()
    before = [v.numpy() for v in model.non_trainable_weights]
    passes(model, CROSS_ENTROPY)(batch(), position(0))
    assert_close(model.non_trainable_weights, before, 0)


def test_a_pass_is_its_share_of_the_update():
    made = passes(linear_model(), MSE)
    inputs, labels = map(tf.constant, linear_data(8))
    whole = made((inputs, labels), position(0))
    parts = [made((inputs[i : i + 2], labels[i : i + 2]), position(i), 1, 4) for i in (0, 2, 4, 6)]
    assert_close([sum(p.loss for p in parts)], [whole.loss])
    assert_close([sum(g) for g in zip(*[p.gradients for p in parts])], whole.gradients, 1e-5)


def test_loss_scale_is_a_factor_on_the_gradient_only():
    made = passes(linear_model(), MSE)
    inputs, labels = map(tf.constant, linear_data(8))
    plain, scaled = made((inputs, labels), position(0)), made((inputs, labels), position(0), loss_scale=4.0)
    assert_close([scaled.loss, *scaled.gradients], [plain.loss, *[4 * g for g in plain.gradients]])


def test_a_variable_that_does_nothing_has_gradient_zero():
    class Idle(keras.layers.Layer):
        def build(self, shape):
            self.idle = self.add_weight(shape=(2,))

        def call(self, inputs):
            return inputs

    model = keras.Sequential([keras.Input((3,)), Idle(), keras.layers.Dense(1)])
    inputs, labels = map(tf.constant, linear_data(4))
    assert_close(passes(model, MSE)((inputs, labels), position(0)).gradients[:1], [np.zeros(2)], 0)


def penalized():
    dense = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1), activity_regularizer="l2")
    return keras.Sequential([keras.Input((3,)), dense, keras.layers.Dense(1, bias_regularizer="l1")])


def test_penalties_of_layers_are_in_loss_and_gradient():
    model = penalized()
    inputs, labels = map(tf.constant, linear_data(4))
    outcome = passes(model, MSE)((inputs, labels), position(0))
    loss, gradients = keras_gradient(model, MSE, inputs, labels)
    assert_close([outcome.loss, *outcome.gradients], [loss, *gradients], 1e-5)


def test_penalties_of_weights_count_once_over_micro_batches():
    dense = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(0.1))
    made = passes(keras.Sequential([keras.Input((3,)), dense]), MSE)
    inputs, labels = map(tf.constant, linear_data(8))
    whole = made((inputs, labels), position(0))
    parts = [made((inputs[i : i + 4], labels[i : i + 4]), position(i), 1, 2) for i in (0, 4)]
    assert_close([parts[0].loss + parts[1].loss], [whole.loss])
    assert_close([a + b for a, b in zip(parts[0].gradients, parts[1].gradients)], whole.gradients, 1e-5)


def test_penalties_do_not_pile_up_from_pass_to_pass():
    made = passes(penalized(), MSE)
    inputs, labels = map(tf.constant, linear_data(4))
    losses = [float(made((inputs, labels), position(0)).loss) for _ in range(3)]
    assert losses[0] == losses[1] == losses[2]


def mask_model():
    """Its output is the dropout mask."""
    return keras.Sequential([keras.Input((1000,)), keras.layers.Dropout(0.25)])


def mask(made, k, number=4):
    ones = tf.ones([number, 1000])
    return made((ones, ones), position(k)).outputs.numpy()


def test_the_same_position_draws_the_same_mask():
    made = passes(mask_model(), MSE)
    np.testing.assert_array_equal(mask(made, 8), mask(made, 8))


@pytest.mark.parametrize("other", [1, 4, 2**32, 2**32 + 4, 2**40])
def test_other_positions_draw_independent_masks(other):
    made = passes(mask_model(), MSE)
    kept, others = mask(made, 0) > 0, mask(made, other) > 0
    # Two independent masks agree in a part 0.75² + 0.25² = 0.625; five standard deviations of 4,000 draws.
    assert abs(np.mean(kept == others) - 0.625) < 5 * np.sqrt(0.625 * 0.375 / 4000)


def test_masks_keep_as_much_as_they_should():
    kept = mask(passes(mask_model(), MSE), 0) > 0
    assert abs(np.mean(kept) - 0.75) < 5 * np.sqrt(0.75 * 0.25 / 4000)


def test_two_layers_draw_independent_masks():
    inputs = keras.Input((1000,))
    outputs = keras.layers.Concatenate()([keras.layers.Dropout(0.5)(inputs) for _ in range(2)])
    made = passes(keras.Model(inputs, outputs), MSE)
    ones = tf.ones([4, 1000])
    one, other = np.split(made((ones, tf.ones([4, 2000])), position(0)).outputs.numpy() > 0, 2, axis=1)
    assert abs(np.mean(one == other) - 0.5) < 5 * np.sqrt(0.25 / 4000)


def test_seed_states_stay_as_they_are():
    made = passes(mask_model(), MSE)
    before = [state.numpy() for state in made.objective.seed_states]
    mask(made, 8)
    assert before
    assert_close(made.objective.seed_states, before, 0)


def test_augmentation_gets_seed_and_positions():
    seen = []

    def augment(images, labels, seed, positions):
        seen.append((seed, positions.numpy().tolist()))
        return images, labels

    inputs, labels = map(tf.constant, linear_data(3))
    passes(linear_model(), MSE, augment, seed=7)((inputs, labels), position(2**33))
    assert seen == [(7, [2**33, 2**33 + 1, 2**33 + 2])]


def test_augmented_labels_are_those_of_the_loss():
    inputs, labels = map(tf.constant, linear_data(3))
    made = passes(linear_model(), MSE, lambda x, y, seed, positions: (2 * x, 2 * y))
    outcome = made((inputs, labels), position(0))
    assert float(outcome.loss) == pytest.approx(float(MSE(2 * labels, outcome.outputs)))

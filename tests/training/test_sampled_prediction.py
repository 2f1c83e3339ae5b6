"""The mean over several predictions is that of probabilities, and what is drawn is a function of seed and position."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, losses

import tf_tricks as tt
from tf_tricks import augment
from tf_tricks.engines.tensorflow.prediction import Prediction
from tf_tricks.errors import RequestError
from tf_tricks.layers.monte_carlo import sampler_of
from tf_tricks.training.outputs import describe
from tf_tricks.training.sampled_prediction import SampledPrediction

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 4, 4, 1), "uint8")
OUTPUT = describe("", (None, 3), losses.SparseCategoricalCrossentropy(from_logits=True))
STRATEGY = tt.strategy("cpu")


def model(dropout=0.0):
    rescaled = [layers.Rescaling(1 / 64), layers.Flatten(), layers.Dropout(dropout)]
    return keras.Sequential([keras.Input((4, 4, 1), dtype="uint8"), *rescaled, layers.Dense(3)])


def softmax(logits):
    return np.asarray(keras.ops.softmax(logits.astype("float64")))


def test_once_it_is_what_keras_predicts():
    made = model()
    ((mean, deviation),) = SampledPrediction(Prediction(STRATEGY, made), [OUTPUT])(IMAGES, np.arange(10))
    np.testing.assert_allclose(mean, softmax(made.predict(IMAGES, verbose=0)), atol=1e-6)
    assert deviation is None


def flipped(made, times, indices, images):
    """Probabilities [times, b, 3] of what the augmentation gives at the stream's positions."""
    flip = augment.get("flip")
    draws = [flip(images, None, seed=7, positions=tf.constant(t * 2**32 + indices, tf.int64)) for t in range(times)]
    return np.stack([softmax(made.predict(np.asarray(images), verbose=0)) for images in draws])


def test_augmented_it_is_mean_and_deviation_of_the_probabilities():
    made, indices = model(), np.array([3, 5, 8])
    predict = SampledPrediction(Prediction(STRATEGY, made), [OUTPUT], 5, augment.get("flip"), seed=7)
    ((mean, deviation),) = predict(IMAGES[indices], indices)
    expected = flipped(made, 5, indices, IMAGES[indices])
    np.testing.assert_allclose(mean, expected.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(deviation, expected.std(axis=0), atol=1e-6)
    assert deviation.max() > 0


def test_an_example_draws_the_same_whatever_it_is_beside():
    predict = SampledPrediction(Prediction(STRATEGY, model()), [OUTPUT], 3, augment.get("standard", total_epochs=1))
    ((whole, _),) = predict(IMAGES, np.arange(10))
    ((part, _),) = predict(IMAGES[4:6], np.arange(4, 6))
    np.testing.assert_allclose(whole[4:6], part, atol=1e-6)


def test_an_augmentation_of_ones_own_gets_labels():
    def brighter(images, labels, seed, positions):
        return images + tf.cast(labels[:, None, None, None], images.dtype) + 1, labels

    made = model()
    ((mean, _),) = SampledPrediction(Prediction(STRATEGY, made), [OUTPUT], 2, brighter)(IMAGES // 2, np.arange(10))
    np.testing.assert_allclose(mean, softmax(made.predict(IMAGES // 2 + 1, verbose=0)), atol=1e-6)


def test_an_input_with_a_name_is_augmented():
    inputs = {"image": keras.Input((4, 4, 1), dtype="uint8", name="image")}
    made = keras.Model(inputs, model()(inputs["image"]))
    predict = SampledPrediction(Prediction(STRATEGY, made), [OUTPUT], 3, augment.get("flip"), seed=7)
    ((mean, _),) = predict({"image": IMAGES}, np.arange(10))
    assert mean.shape == (10, 3)


def test_two_inputs_are_not_augmented():
    predict = SampledPrediction(Prediction(STRATEGY, model()), [OUTPUT], 3, augment.get("flip"))
    with pytest.raises(RequestError, match="augmentations take one array of images, and the model takes 2"):
        predict({"a": IMAGES, "b": IMAGES}, np.arange(10))


def test_what_mixes_examples_is_refused():
    with pytest.raises(
        RequestError, match=r"Mixup mixes examples, .* name another augmentation, such as --augment=flip"
    ):
        SampledPrediction(Prediction(STRATEGY, model()), [OUTPUT], 2, augment.get("mixup", num_classes=3))


def test_dropout_gives_its_mean_and_deviation_and_can_be_repeated():
    made = model(dropout=0.3)
    predict = SampledPrediction(Prediction(STRATEGY, sampler_of(made)), [OUTPUT], 400)
    ((mean, deviation),) = predict(IMAGES, np.arange(10))
    ((again, _),) = predict(IMAGES, np.arange(10))
    np.testing.assert_array_equal(mean, again)
    probable = keras.Sequential([made, layers.Softmax()])
    expected, spread = tt.layers.monte_carlo_predict(probable, IMAGES, samples=400)
    np.testing.assert_allclose(mean, expected, atol=0.06)
    np.testing.assert_allclose(deviation, spread, atol=0.06)
    np.testing.assert_array_equal(made.predict(IMAGES, verbose=0), made.predict(IMAGES, verbose=0))  # as it was

"""Every example counts exactly once, however the batches lie."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.problems import evaluation, image_data, linear_data, linear_model

import tf_tricks as tt
from tf_tricks.data import as_source

MSE = keras.losses.MeanSquaredError()


def evaluate(model, data, batch_size, metrics=()):
    return evaluation(model, MSE, batch_size, list(metrics))(as_source(data))


@settings(max_examples=6)
@given(number=st.sampled_from([1, 3, 4, 5, 8, 11]), batch_size=st.sampled_from([1, 4]))
def test_loss_is_the_mean_over_all_examples(number, batch_size):
    model, (inputs, labels) = linear_model(), linear_data(number)
    kernel, bias = model.get_weights()
    expected = np.mean((inputs @ kernel + bias - labels) ** 2)
    assert evaluate(model, (inputs, labels), batch_size)["loss"] == pytest.approx(expected, rel=1e-5)


def test_metrics_are_over_all_examples():
    model, (inputs, labels) = linear_model(), linear_data(5)
    kernel, bias = model.get_weights()
    results = evaluate(model, (inputs, labels), 4, [keras.metrics.MeanAbsoluteError(name="error")])
    assert results["error"] == pytest.approx(np.mean(np.abs(inputs @ kernel + bias - labels)), rel=1e-5)


def test_each_evaluation_starts_anew():
    model, metrics = linear_model(), [keras.metrics.MeanAbsoluteError()]
    evaluate = evaluation(model, MSE, 4, metrics)
    source = as_source(linear_data(5))
    assert evaluate(source) == evaluate(source)


def test_sources_of_any_length_share_one_trace():
    evaluate = evaluation(linear_model(), MSE, 4)
    for number in (4, 8, 9):
        evaluate(as_source(linear_data(number)))
    assert evaluate._run_whole.experimental_get_tracing_count() == 1


def test_layers_are_in_inference():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.9), keras.layers.Dense(1)])
    inputs, labels = linear_data(6)
    expected = np.mean((inputs @ model.get_weights()[0] - labels) ** 2)
    assert evaluate(model, (inputs, labels), 4)["loss"] == pytest.approx(expected, rel=1e-5)


def test_loss_has_the_penalties_of_layers_and_l2():
    dense = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L1(0.5))
    model = keras.Sequential([keras.Input((3,)), dense])
    inputs, labels = linear_data(6)
    trainer = tt.Trainer(model, loss="mean_squared_error", l2=0.25)
    kernel = model.get_weights()[0]
    expected = np.mean((inputs @ kernel - labels) ** 2) + 0.5 * np.abs(kernel).sum() + 0.25 * np.sum(kernel**2)
    assert trainer.evaluate((inputs, labels))["loss"] == pytest.approx(expected, rel=1e-5)


def test_penalties_follow_the_weights():
    dense = keras.layers.Dense(1, kernel_regularizer=keras.regularizers.L2(1.0))
    model = keras.Sequential([keras.Input((3,)), dense])
    evaluate = evaluation(model, MSE, 4)
    source = as_source((np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32")))
    evaluate(source)
    dense.kernel.assign(np.full((3, 1), 2.0))
    assert evaluate(source)["loss"] == pytest.approx(12.0)


def test_penalties_of_activities_are_in_the_loss_as_in_training():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activity_regularizer="l2")])
    inputs, labels = linear_data(6)
    outputs = inputs @ model.get_weights()[0]
    penalties = [0.01 * np.sum(outputs[rows] ** 2) / len(outputs[rows]) for rows in (slice(4), slice(4, 6))]
    expected = np.mean((outputs - labels) ** 2) + (4 * penalties[0] + 2 * penalties[1]) / 6
    assert evaluate(model, (inputs, labels), 4)["loss"] == pytest.approx(expected, rel=1e-5)


def test_classes():
    images, labels = image_data(7)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])
    trainer = tt.Trainer(model, metrics=["accuracy"], evaluation_batch_size=4)
    predicted = np.argmax(model(images), axis=1)
    assert trainer.evaluate((images, labels))["accuracy"] == pytest.approx(np.mean(predicted == labels))

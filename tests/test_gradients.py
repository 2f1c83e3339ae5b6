"""Gradients against closed forms, and the model as it was."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tf_tricks.errors import RequestError
from tf_tricks.gradients import Gradients, loss_and_gradients, mean_loss, value_and_gradient

MSE = keras.losses.MeanSquaredError()


def linear_model(inputs, outputs, **kwargs):
    return keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(outputs, **kwargs)])


def assert_equal(actual, expected, tolerance=2e-6):
    actual = np.asarray(keras.ops.convert_to_numpy(actual), np.float64)
    np.testing.assert_allclose(actual, expected, atol=tolerance * max(1.0, np.abs(expected).max()), rtol=0)


@settings(max_examples=20)
@given(seed=st.integers(0, 10**6), examples=st.integers(1, 6), decay=st.sampled_from([0.0, 0.1]))
def test_least_squares_with_weight_decay_against_the_closed_form(seed, examples, decay):
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(examples, 4)), random.normal(size=(examples, 3))
    w, b = random.normal(size=(4, 3)), random.normal(size=3)
    model = linear_model(4, 3, kernel_regularizer=keras.regularizers.L2(decay))
    model.set_weights([w, b])

    loss, (kernel, bias) = loss_and_gradients(model, MSE, x.astype("float32"), y.astype("float32"))

    error = x @ w + b - y
    assert_equal(loss, np.mean(error**2) + decay * np.sum(w**2))
    assert_equal(kernel, 2 * x.T @ error / error.size + 2 * decay * w)
    assert_equal(bias, 2 * error.sum(0) / error.size)


def test_classification_against_the_closed_form():
    random = np.random.default_rng(0)
    x, labels, w = random.normal(size=(8, 5)), random.integers(0, 3, size=8), random.normal(size=(5, 3))
    model = linear_model(5, 3, use_bias=False)
    model.set_weights([w])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    value, (kernel,) = loss_and_gradients(model, loss, x.astype("float32"), labels)

    p = np.exp(x @ w) / np.exp(x @ w).sum(1, keepdims=True)
    assert_equal(value, -np.log(p[np.arange(8), labels]).mean())
    assert_equal(kernel, x.T @ (p - np.eye(3)[labels]) / 8)


def test_the_reduction_of_the_loss_does_not_count():
    model = linear_model(2, 2)
    x, y = np.ones((4, 2), "float32"), np.ones((4, 2), "float32")
    by_mean = loss_and_gradients(model, MSE, x, y)
    by_sum = loss_and_gradients(model, keras.losses.MeanSquaredError(reduction="sum"), x, y)
    assert by_mean[0] == by_sum[0]


def test_a_loss_that_is_a_function():
    model = linear_model(1, 1, kernel_initializer="ones")
    loss, gradients = loss_and_gradients(model, lambda labels, y: labels * y, np.ones((2, 1)), np.full((2, 1), 3.0))
    assert loss == 3.0
    assert [np.array(g).item() for g in gradients] == [3.0, 3.0]


def stateful_model():
    x = inputs = keras.Input((3,))
    for layer in (keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5, seed=1)):
        x = layer(x)
    return keras.Model(inputs, keras.layers.Dense(1)(x))


def state(model):
    return [keras.ops.convert_to_numpy(v.value) for v in [*model.trainable_variables, *model.non_trainable_variables]]


def test_the_model_is_left_as_it_was_and_gives_the_same_again():
    model = stateful_model()
    x, y = np.random.default_rng(0).normal(size=(16, 3)).astype("float32"), np.ones((16, 1), "float32")
    before = state(model)
    gradients = Gradients(model, MSE)
    first, second = gradients(x, y), gradients(x, y)
    for old, new in zip(before, state(model)):
        np.testing.assert_array_equal(old, new)
    assert first[0] == second[0]


def test_training_and_inference_differ():
    model = stateful_model()
    x, y = np.random.default_rng(0).normal(size=(16, 3)).astype("float32"), np.ones((16, 1), "float32")
    gradients = Gradients(model, MSE)
    loss, _ = gradients(x, y, training=False)
    assert loss == pytest.approx(np.mean((model.predict(x, verbose=0) - 1) ** 2), rel=1e-5)
    assert gradients(x, y, training=True)[0] != loss


def test_frozen_layers_between_calls():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False), keras.layers.Dense(2)])
    gradients = Gradients(model, MSE)
    x, y = np.ones((2, 2), "float32"), np.zeros((2, 2), "float32")
    _, (first, second, bias) = gradients(x, y)
    model.layers[1].trainable = False
    _, (only_first,) = gradients(x, y)
    model.layers[0].trainable, model.layers[1].trainable = False, True
    _, (only_second, only_bias) = gradients(x, y)
    for actual, expected in ((only_first, first), (only_second, second), (only_bias, bias)):
        np.testing.assert_array_equal(np.array(actual), np.array(expected))


def test_new_weights_and_new_shapes_are_seen():
    model = linear_model(1, 1, use_bias=False, kernel_initializer="ones")
    gradients = Gradients(model, MSE)
    assert gradients(np.ones((2, 1)), np.zeros((2, 1)))[0] == 1.0
    model.set_weights([np.full((1, 1), 2.0)])
    assert gradients(np.ones((2, 1)), np.zeros((2, 1)))[0] == 4.0
    assert gradients(np.ones((5, 1)), np.zeros((5, 1)))[0] == 4.0


def test_variables_without_influence_have_gradient_zero():
    embedding = keras.layers.Embedding(5, 2)
    model = keras.Sequential([keras.Input((3,), dtype="int32"), embedding, keras.layers.Flatten()])
    _, (table,) = loss_and_gradients(
        model, lambda labels, y: y, np.array([[1, 1, 4]], "int32"), np.zeros((1, 1), "float32")
    )
    np.testing.assert_allclose(np.array(table), np.array([0, 2, 0, 0, 1])[:, None] * np.ones((1, 2)) / 6, rtol=1e-6)


def test_a_model_that_is_not_yet_built():
    model = keras.Sequential([keras.layers.Dense(1)])
    assert len(loss_and_gradients(model, MSE, np.ones((2, 3), "float32"), np.ones((2, 1), "float32"))[1]) == 2


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_loss_of_half_precision_outputs_is_taken_in_float32(dtype):
    outputs = keras.ops.convert_to_tensor(np.full((4, 1), 300.0), dtype=dtype)  # 300² overflows float16
    assert float(mean_loss(MSE, np.zeros((4, 1), "float32"), outputs)) == pytest.approx(90000.0, rel=1e-2)


def test_value_and_gradient_hands_on_what_else_there_is():
    function = value_and_gradient(lambda values, factor: (factor * keras.ops.sum(values[0] ** 3), [values[0] + 1]))
    x = keras.ops.convert_to_tensor([1.0, 2.0])
    (value, (handed_on,)), (gradient,) = function([x], keras.ops.convert_to_tensor(2.0))
    assert float(value) == 18.0
    np.testing.assert_allclose(np.array(handed_on), [2.0, 3.0])
    np.testing.assert_allclose(np.array(gradient), [6.0, 24.0])


def test_a_loss_that_cannot_be_called():
    with pytest.raises(RequestError, match=r"must be a keras.losses.Loss or a function"):
        Gradients(linear_model(1, 1), "mse")

"""The noise scale is that of its definition; batches far from it are named where that costs something."""

import keras
import numpy as np
import pytest
from support.patients import assert_left_as_found, digits, iris, mlp, names, patient

from tf_tricks.doctor import noise


def regression(number=4096, batch_size=32, epochs=10):
    """Y = 2x + noise from w = 0: gradients of examples are −2x(2x + e), so that B_simple is known."""
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], size=(number, 1)).astype("float32")
    y = 2 * x + 4 * rng.normal(size=(number, 1)).astype("float32")
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    return patient(
        model, (x, y), epochs, loss="mean_squared_error", optimizer="sgd", learning_rate=1e-9, batch_size=batch_size
    )


def test_the_noise_scale_is_that_of_the_definition(monkeypatch):
    """With x = ±1 a gradient is −4 − 2xe: its mean is −4, its variance 4·16."""
    monkeypatch.setattr(noise, "_BATCHES", 128)
    measured = assert_left_as_found(noise.check, regression()).measured
    assert measured.at_start == pytest.approx(4 * 16 / 16, rel=0.3)
    assert measured.after == pytest.approx(measured.at_start, rel=1e-3)  # nothing has moved


def test_it_rises_while_the_loss_falls():
    measured = noise.check(
        patient(mlp((4,), 3), iris(), optimizer="adam", learning_rate=1e-2, batch_size=16), lambda line: None
    ).measured
    assert measured.after > 3 * measured.at_start


def test_batches_of_two_are_too_small():
    one = patient(mlp((8, 8, 1), 10), digits(), epochs=5, optimizer="adam", learning_rate=1e-3, batch_size=2)
    assert names(assert_left_as_found(noise.check, one)) == ["batch_too_small"]


def test_the_whole_data_in_a_batch_leaves_too_few_updates():
    one = patient(mlp((8, 8, 1), 10), digits(), epochs=10, optimizer="adam", learning_rate=1e-3, batch_size=600)
    assert names(assert_left_as_found(noise.check, one)) == ["batch_too_large"]


@pytest.mark.parametrize(("batch_size", "epochs"), [(32, 20), (600, 400), (16, 3)])
def test_other_batches_are_no_finding(batch_size, epochs):
    one = patient(mlp((8, 8, 1), 10), digits(), epochs, optimizer="adam", learning_rate=3e-3, batch_size=batch_size)
    assert noise.check(one, lambda line: None).findings == []


def test_too_few_examples_to_measure():
    x, y = iris()
    one = patient(mlp((4,), 3), (x[:3], y[:3]), optimizer="sgd", batch_size=3)
    assert noise.check(one, lambda line: None) == ([], None)

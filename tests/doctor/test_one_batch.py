"""One batch is learned by heart by what can learn at all."""

import keras
import numpy as np
import pytest
from support.patients import assert_left_as_found, digits, iris, mlp, names, patient

import tf_tricks as tt
from tf_tricks.doctor import one_batch, reference_losses


def blind():
    """A network whose middle layer gives nothing."""
    model = mlp((8, 8, 1), 10, (64, 64))
    model.layers[3].bias.assign(np.full(64, -100.0))
    return model


@pytest.mark.parametrize(
    ("optimizer", "rate"), [("momentum", 0.03), ("adam", 1e-3), ("adam", 3e-5), ("momentum", 3.0), ("sgd", 3e-3)]
)
def test_a_network_learns_it_at_one_rate_or_another(optimizer, rate):
    one = patient(mlp((8, 8, 1), 10, (64,)), digits(), optimizer=optimizer, learning_rate=rate)
    checked = assert_left_as_found(one_batch.check, one)
    assert checked.findings == []
    assert checked.measured.learned >= 0.5


def test_random_labels_are_learned_by_heart():
    x, y = digits()
    y = np.random.default_rng(0).permutation(y)
    one = patient(mlp((8, 8, 1), 10, (64,)), (x, y), optimizer="adam", learning_rate=1e-3)
    assert one_batch.check(one, lambda line: None).findings == []


def test_a_network_through_which_nothing_comes_cannot():
    one = patient(blind(), digits(), optimizer="momentum", learning_rate=0.03)
    checked = assert_left_as_found(one_batch.check, one)
    assert names(checked) == ["cannot_overfit_one_batch"]
    assert len(checked.measured.rates) == 5


def test_a_model_with_fewer_weights_than_labels_need_not():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 2)).astype("float32"), rng.normal(size=(200, 1)).astype("float32")
    one = patient(mlp((2,), 1, ()), (x, y), loss="mean_squared_error", optimizer="adam", learning_rate=1e-2)
    checked = one_batch.check(one, lambda line: None)
    assert checked.findings == []
    assert checked.measured.learned < 0.3


def test_fewer_examples_than_a_batch_and_micro_batches():
    x, y = iris()
    few = patient(mlp((4,), 3), (x[:20], y[:20]), optimizer="adam", learning_rate=1e-2, batch_size=10)
    assert one_batch.check(few, lambda line: None).measured.examples == 20
    parts = patient(mlp((4,), 3), (x, y), optimizer="adam", learning_rate=1e-2, batch_size=48, micro_batch=24)
    assert one_batch.check(parts, lambda line: None).measured.examples == 24


CASES = {
    "logits": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), np.arange(30) % 3, (30, 3), np.log(3), 0),
    "probabilities": ("sparse_categorical_crossentropy", np.arange(30) % 3, (30, 3), np.log(3), 0),
    "one-hot": ("categorical_crossentropy", np.eye(3, dtype="float32")[np.arange(30) % 3], (30, 3), np.log(3), 0),
    "two classes": ("binary_crossentropy", np.arange(30) % 2, (30, 1), np.log(2), 0),
    "squares": ("mean_squared_error", np.arange(30.0)[:, None], (30, 1), np.var(np.arange(30.0)), 0),
    "absolute values": ("mean_absolute_error", np.arange(30.0)[:, None], (30, 1), 7.5, 0),
}


@pytest.mark.parametrize("name", CASES)
def test_the_losses_of_a_constant_and_of_the_right_answer(name):
    loss, labels, shape, constant, right = CASES[name]
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(shape[-1])])
    trainer = tt.Trainer(model, loss=loss)
    outputs = np.zeros(shape, "float32")
    assert reference_losses.constant_loss(trainer, labels, outputs) == pytest.approx(constant, rel=1e-3)
    assert reference_losses.right_loss(trainer, labels, outputs) == pytest.approx(right, abs=1e-4)


def test_of_labels_in_another_structure_nothing_is_known():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    trainer = tt.Trainer(model)
    labels = {"a": np.zeros(4)}
    assert reference_losses.constant_loss(trainer, labels, np.zeros((4, 3), "float32")) == np.inf

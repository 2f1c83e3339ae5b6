"""What a run of `Trainer.fit` leaves can be loaded and evaluated without it, and the trainer stays as it was."""

import json

import keras
import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.training import saved_model

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.arange(64) % 3


def trained(workdir, inputs=(), outputs=3, fit=(), **arguments):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), *inputs, keras.layers.Dense(outputs)]
    trainer = tt.Trainer(keras.Sequential(layers), learning_rate=0.1, **arguments)
    trainer.fit((X, Y), 1, workdir=workdir, verbose=0, **dict(fit))
    return trainer


def test_the_model_loads_and_evaluates_as_the_trainer_does(tmp_path):
    trainer = trained(tmp_path, metrics=["accuracy"])
    loss, accuracy = keras.models.load_model(tmp_path / "model.keras").evaluate(X, Y, verbose=0)
    assert trainer.evaluate((X, Y)) == pytest.approx({"loss": loss, "accuracy": accuracy}, rel=1e-5)


def test_writing_it_leaves_the_trainer_as_it_was(tmp_path):
    trainer, other = trained(tmp_path, metrics=["accuracy"]), trained(None, metrics=["accuracy"])
    assert trainer.model.optimizer is trainer.optimizer
    for one in (trainer, other):
        one.fit((X, Y), 1, verbose=0)
    for a, b in zip(trainer.model.weights, other.model.weights):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_parts_of_ones_own_are_left_out_of_how_it_is_compiled(tmp_path):
    def mine(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_pred), axis=-1)

    trained(tmp_path, loss=mine, metrics=[mine])
    assert keras.models.load_model(tmp_path / "model.keras").loss is None


def test_several_outputs_keep_their_losses(tmp_path):
    inputs = keras.Input((6,))
    outputs = {"u": keras.layers.Dense(3, name="u")(inputs), "v": keras.layers.Dense(1, name="v")(inputs)}
    loss = {"u": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "v": "mse"}
    trainer = tt.Trainer(keras.Model(inputs, outputs), loss=loss, metrics={"u": ["accuracy"]}, learning_rate=0.01)
    data = X, {"u": Y, "v": X[:, :1]}
    trainer.fit(data, 1, workdir=tmp_path, verbose=0)
    found = keras.models.load_model(tmp_path / "model.keras").evaluate(*data, verbose=0, return_dict=True)
    assert trainer.evaluate(data) == pytest.approx(found, rel=1e-5)


class Unsaveable(keras.layers.Layer):
    def get_config(self):
        raise NotImplementedError("of no use elsewhere")

    def call(self, inputs):
        return inputs


def test_a_model_that_keras_cannot_save_is_trained_and_a_warning_says_so(tmp_path, caplog):
    trained(tmp_path, [Unsaveable()])
    assert "Keras cannot save the model 'sequential': of no use elsewhere" in caplog.text
    assert not (tmp_path / "model.keras").exists()
    trainer = trained(tmp_path, [Unsaveable()])  # goes on from the checkpoint, which is the end
    assert trainer.run.progress.step == 2


def test_the_test_set_is_evaluated_once_at_the_end(tmp_path):
    trainer = trained(tmp_path, fit={"test": (X[:20], Y[:20])}, metrics=["accuracy"])
    expected = trainer.evaluate((X[:20], Y[:20]))
    assert trainer.model.history.history["test_accuracy"] == [expected["accuracy"]]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    (line,) = [line for line in lines if line["split"] == "test"]
    assert (line["loss"], line["accuracy"], line["step"]) == (expected["loss"], expected["accuracy"], 2)


def test_the_settings_are_in_the_config(tmp_path):
    trained(tmp_path / "own", l2=0.5)
    assert json.loads((tmp_path / "own" / "config.json").read_text())["config"]["l2"] == 0.5
    trained(tmp_path / "given", fit={"settings": {"colour": "blue"}})
    assert json.loads((tmp_path / "given" / "config.json").read_text())["config"] == {"colour": "blue"}


def test_a_file_that_is_no_model_gets_a_sentence(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(RequestError, match=r"model.keras is damaged"):
        saved_model.load(tmp_path, compile=False)


def test_weights_are_taken_of_a_model_that_was_compiled_with_parts_of_ones_own(tmp_path):
    def mine(y_true, y_pred):
        return keras.ops.mean(keras.ops.square(y_pred), axis=-1)

    saved, other = (keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)]) for _ in range(2))
    saved.compile("adam", mine)
    saved.save(tmp_path / "mine.keras")
    tt.init_from(other, tmp_path / "mine.keras")
    for found, wanted in zip(other.weights, saved.weights, strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_a_layer_that_only_its_program_knows_is_named(tmp_path):
    class Mine(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    keras.Sequential([keras.Input((6,)), Mine(), keras.layers.Dense(3)]).save(tmp_path / "model.keras")
    with pytest.raises(RequestError, match="has a part of its program's own, Mine, which is not known here"):
        saved_model.load(tmp_path, compile=False)

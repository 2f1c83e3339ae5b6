"""What the trainer takes a task for, and what it refuses before the first step."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from support.requests import CLASSES, REAL, X, dense, fit

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.training.task import plan_task

K = keras.layers


@pytest.mark.parametrize("name", ["train_step", "test_step"])
def test_steps_of_the_models_own(name):
    own = type("Own", (keras.Model,), {name: lambda self, data: {}})
    inputs = keras.Input((6,))
    with pytest.raises(RequestError, match=f"has a {name} of its own"):
        tt.Trainer(own(inputs, K.Dense(3)(inputs)))


def test_what_a_compiled_model_has_is_taken():
    model = dense(1)
    model.compile(keras.optimizers.Adam(3e-4), "mse", metrics=["mae"], jit_compile=False)
    trainer = tt.Trainer(model, batch_size=8)
    assert isinstance(trainer.optimizer, keras.optimizers.Adam)
    assert trainer.learning_rate(0.0) == pytest.approx(3e-4)
    assert {"loss", "mae"} <= set(trainer.fit((X, REAL), 1, verbose=0).history)


def test_the_rate_of_an_optimizer_is_taken_where_none_is_given():
    assert tt.Trainer(dense(), keras.optimizers.Adam(3e-4)).learning_rate(0.0) == pytest.approx(3e-4)
    assert tt.Trainer(dense(), keras.optimizers.Adam(3e-4), 0.01).learning_rate(0.0) == pytest.approx(0.01)


def test_one_callback_may_come_alone():
    class Counts(keras.callbacks.Callback):
        epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1

    counts = Counts()
    fit(dense(), (X, CLASSES), callbacks=counts)
    assert counts.epochs == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"clip_global_norm": 1e6},
        {"micro_batch": 4},
        {"optimizer": {"name": "sam", "optimizer": "momentum", "rho": 0.0}},
    ],
)
def test_a_model_in_float64(arguments):
    keras.config.set_dtype_policy("float64")
    model, same = dense(1), dense(1)
    same.set_weights(model.get_weights())
    fit(model, (X, REAL), loss="mse", **arguments)
    fit(same, (X, REAL), loss="mse")
    np.testing.assert_allclose(model.get_weights()[0], same.get_weights()[0], rtol=1e-12)


def test_a_model_in_float16_has_a_loss_scale_whatever_the_policy():
    layers = [keras.Input((6,)), K.Dense(3, dtype="mixed_float16")]
    assert tt.Trainer(keras.Sequential(layers)).loss_scale is not None
    assert tt.Trainer(dense()).loss_scale is None


def test_a_scheduler_takes_the_place_of_the_schedule():
    rates = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: rates.append(round(float(model.optimizer.learning_rate.numpy()), 6))
    )
    model = dense()
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch: 0.1)
    warm_up = tt.schedules.warm_up(0.7, epochs=2)
    tt.Trainer(model, learning_rate=warm_up, batch_size=8).fit((X, CLASSES), 3, callbacks=[scheduler, note], verbose=0)
    assert rates == [0.1, 0.1, 0.1]


@pytest.mark.parametrize("name", ["beta_branch", "debias", "gamma_ray"])
def test_the_variables_own_name_decides_on_decay(name):
    model = keras.Sequential([keras.Input((6,)), K.Dense(3, name=name)])
    assert tt.Trainer(model, l2=0.1).update.decayed == [True, False]


def test_an_argument_of_fit_that_does_not_exist():
    with pytest.raises(RequestError, match=r"no argument of Trainer\.fit called 'log_evry'; did you mean 'log_every'"):
        fit(dense(), (X, CLASSES), fit_arguments={"log_evry": 3})


def test_epochs_without_end():
    with pytest.raises(RequestError, match="epochs must be a number above 0 and at most 1000000000, not inf"):
        tt.Trainer(dense(), batch_size=8).fit((X, CLASSES), float("inf"), verbose=0)


def test_the_trainer_on_another_backend():
    program = "import tf_tricks as tt\ntry: tt.Trainer(None)\nexcept tt.RequestError as error: print(error)"
    environment = os.environ | {"KERAS_BACKEND": "numpy"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert "the trainer needs Keras on TensorFlow or JAX, and it is on numpy" in done.stdout, done.stderr


def test_what_was_unfrozen_is_trained_and_the_state_of_the_rest_is_kept():
    model = keras.Sequential([keras.Input((6,)), K.Dense(4, name="body"), K.Dense(3, name="head")])
    model.layers[0].trainable = False
    trainer = tt.Trainer(model, "momentum", batch_size=8)
    trainer.fit((X, CLASSES), 1, verbose=0)
    kept = {v.path: np.asarray(v) for v in trainer.optimizer.variables if "head" in v.path}
    body = model.layers[0].get_weights()[0]
    model.layers[0].trainable = True
    trainer._follow_unfrozen()
    assert len(kept) == 2
    for variable in trainer.optimizer.variables:
        if variable.path in kept:
            np.testing.assert_array_equal(variable, kept[variable.path])
    trainer.fit((X, CLASSES), 1, verbose=0)
    assert np.abs(model.layers[0].get_weights()[0] - body).max() > 1e-4


def test_what_is_no_callback():
    with pytest.raises(RequestError, match="callbacks must be Keras callbacks, not 3"):
        fit(dense(), (X, CLASSES), callbacks=[3])


def test_a_keras_layer_is_no_augmentation():
    with pytest.raises(RequestError, match=r"the Keras layer 'random_flip.*' cannot be told the place of an example"):
        tt.data.Stream((X, CLASSES), augment=K.RandomFlip())


def test_a_class_is_no_model():
    with pytest.raises(RequestError, match=r"the model must be a keras.Model, not <class"):
        tt.Trainer(keras.Sequential)


def test_a_stateful_network():
    model = keras.Sequential([keras.Input((4, 2), batch_size=8), K.SimpleRNN(4, stateful=True), K.Dense(3)])
    with pytest.raises(RequestError, match=r"is stateful, and the trainer draws examples in random order"):
        tt.Trainer(model)


def test_a_frequency_in_batches_is_that_of_keras(tmp_path):
    def saved(name):
        path = tmp_path / name
        path.mkdir()
        return path, keras.callbacks.ModelCheckpoint(path / "{epoch}-{batch}.weights.h5", "loss", save_freq=5)

    (path, checkpoint), (path_of_keras, checkpoint_of_keras) = saved("ours"), saved("keras")
    fit(dense(), (X, CLASSES), [checkpoint], dict(epochs=8))
    model = dense()
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    model.fit(X, CLASSES, batch_size=8, epochs=8, verbose=0, callbacks=[checkpoint_of_keras])
    assert len(list(path.iterdir())) == len(list(path_of_keras.iterdir())) == 6


@pytest.mark.parametrize(
    ("callback", "sentence"),
    [
        (keras.callbacks.BackupAndRestore("backup"), "goes on where the run was left: give fit a workdir"),
        (keras.callbacks.SwapEMAWeights(swap_on_epoch=True), "would swap twice"),
    ],
)
def test_a_callback_that_does_what_the_trainer_does(callback, sentence):
    with pytest.raises(RequestError, match=sentence):
        fit(dense(), (X, CLASSES), [callback])


@pytest.mark.parametrize("callbacks", [[], [keras.callbacks.SwapEMAWeights()]])
def test_what_was_validated_is_what_is_saved(tmp_path, callbacks):
    path = tmp_path / "best.keras"
    keep = keras.callbacks.ModelCheckpoint(path, monitor="val_loss", save_best_only=True)
    history = fit(
        dense(),
        (X, CLASSES),
        [*callbacks, keep],
        dict(validation=(X, CLASSES)),
        optimizer=keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9),
    )
    model = keras.models.load_model(path)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(CLASSES, model(X))
    np.testing.assert_allclose(loss, history.history["val_loss"][-1], rtol=1e-6)


def two_outputs():
    inputs = keras.Input((6,))
    return keras.Model(inputs, {"u": K.Dense(3, name="u")(inputs), "v": K.Dense(1, name="v")(inputs)})


class NoOutputs(keras.Model):
    def build(self, shape):
        self.dense = K.Dense(3)
        self.dense.build(shape)
        super().build(shape)

    def call(self, inputs):
        self.dense(inputs)


def used_elsewhere():
    optimizer = keras.optimizers.Adam(1e-3)
    optimizer.build(dense().trainable_variables)
    return optimizer


def without_outputs():
    model = NoOutputs()
    model.build((None, 6))
    return model


@pytest.mark.parametrize(
    ("make", "arguments", "fit_arguments", "sentence"),
    [
        (dense, {"strategy": "tpu"}, {}, r"strategy must be a tf\.distribute\.Strategy, .* not 'tpu'"),
        (dense, {}, {"workdir": 3}, "workdir must be the path of a folder, not 3"),
        (dense, {}, {"validation_data": (X, CLASSES)}, "called 'validation_data'; did you mean 'validation'"),
        (without_outputs, {}, {}, "returns None where outputs are expected"),
        (two_outputs, {"loss": {"u": "mse", "v": "mse"}}, {}, "the labels of the training data are one array: give"),
    ],
)
def test_a_request_that_cannot_be_meant(make, arguments, fit_arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        fit(make(), (X, CLASSES), (), fit_arguments, **arguments)


def test_an_optimizer_of_another_model():
    with pytest.raises(RequestError, match="is in use already, for another model; make a new one"):
        tt.Trainer(dense(), used_elsewhere())


def test_numbers_of_numpy_are_numbers(tmp_path):
    history = fit(
        dense(),
        (X, CLASSES),
        (),
        {"epochs": np.int64(2), "log_every": np.int32(1), "workdir": tmp_path},
        learning_rate=np.float32(0.1),
        clip_norm=np.float64(1.0),
    )
    assert len(history.history["loss"]) == 2


def schedule_of(rates):
    return lambda epoch: rates[min(int(epoch), len(rates) - 1)]


@pytest.mark.parametrize("rate", [-0.1, float("nan"), "0.1"])
def test_a_learning_rate_that_is_none(rate):
    with pytest.raises(RequestError, match=r"the learning rate at epoch 1\.\d+ must be a number at least 0, not "):
        fit(dense(), (X, CLASSES), fit_arguments={"epochs": 2}, learning_rate=schedule_of([0.1, rate]))


def test_a_run_without_end_is_looked_through_in_parts():
    asked = []
    trainer = tt.Trainer(dense(), learning_rate=lambda epoch: asked.append(epoch) or 0.1, batch_size=8)
    plan_task(trainer, tt.data.Stream((X, CLASSES)), epochs=10**6)
    assert len(asked) < 300_000
    assert max(asked) > 0.99 * 10**6


def test_a_rate_that_is_none_at_the_end_of_a_very_long_run():
    trainer = tt.Trainer(dense(), learning_rate=lambda epoch: 0.1 if epoch < 9e5 else -0.1, batch_size=8)
    with pytest.raises(RequestError, match="the learning rate at epoch 9"):
        plan_task(trainer, tt.data.Stream((X, CLASSES)), epochs=10**6)

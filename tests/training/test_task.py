"""What the trainer takes a task for, and what it refuses before the first step."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.tpu.blank import BlankSource
from tf_tricks.training.task import class_weights

K = keras.layers
RNG = np.random.RandomState(0)
X = RNG.randn(32, 6).astype("float32")
CLASSES = RNG.randint(0, 3, 32)
REAL = RNG.randn(32, 1).astype("float32")


def dense(outputs=3, activation=None, inputs=6):
    return keras.Sequential([keras.Input((inputs,)), K.Dense(outputs, activation=activation)])


def fit(model, data, callbacks=(), fit_arguments=(), **arguments):
    trainer = tt.Trainer(model, batch_size=8, **arguments)
    return trainer.fit(data, callbacks=callbacks, verbose=0, **{"epochs": 1} | dict(fit_arguments))


def test_the_line_says_what_is_learned(capsys):
    tt.Trainer(dense(), batch_size=8, metrics=["accuracy"]).fit((X, CLASSES), 1)
    assert capsys.readouterr().out.startswith(
        "classification of 3 classes: sparse categorical crossentropy, accuracy\n"
    )


@pytest.mark.parametrize(
    ("model", "data", "arguments", "sentence"),
    [
        (dense, (X, REAL), {}, "cross-entropy needs classes, integers from 0, and the labels are numbers from -"),
        (dense, (X, REAL), {"loss": "mse"}, "the model has 3 outputs and the labels are one number each"),
        (dense, (X, CLASSES + 1), {}, "the labels of the training data go up to 3, but the model has 3 outputs"),
        (
            dense,
            (X, CLASSES),
            {"loss": "sparse_categorical_crossentropy"},
            "takes probabilities, .* say from_logits=True",
        ),
        (lambda: dense(inputs=5), (X, CLASSES), {}, "cannot take the inputs of the training data, float32 \\[2, 6\\]"),
        (
            lambda: dense(1),
            (X, REAL),
            {"loss": keras.losses.MeanSquaredError(reduction=None)},
            "no single number to minimise",
        ),
        (dense, (X, {"a": CLASSES}), {"loss": {"b": "mse"}}, "the loss cannot compare the labels"),
        (dense, (X, CLASSES), {"metrics": ["acuracy"]}, "no metric 'acuracy'; did you mean 'accuracy'"),
        (dense, (X, CLASSES), {"loss": "mse_"}, "there is no loss 'mse_'"),
        (dense, (X, CLASSES), {"loss": 3}, "a loss must be a name"),
        (dense, (X, CLASSES), {"loss": "mse", "loss_weights": {"a": "b"}}, "cannot compare|cannot compile"),
    ],
)
def test_what_cannot_be_meant(model, data, arguments, sentence):
    with pytest.raises(RequestError, match=sentence):
        fit(model(), data, **arguments)


@pytest.mark.parametrize(
    ("error", "reason"),
    [(ValueError("it is too long"), "it is too long"), (KeyError("image"), "KeyError: 'image'")],
    ids=["a sentence", "a key"],
)
def test_an_error_in_an_augmentation_is_named_where_its_message_is_no_sentence(error, reason):
    def augment(images, labels, seed, positions):
        raise error

    with pytest.raises(RequestError, match=rf"cannot take the training data, .*\]: {reason}"):
        fit(dense(), tt.data.Stream((X, CLASSES), augment=augment))


def test_a_validation_set_of_another_size():
    with pytest.raises(RequestError, match="cannot take the inputs of the validation data, float32 \\[2, 5\\]"):
        fit(dense(), (X, CLASSES), fit_arguments={"validation": (X[:, :5], CLASSES)})


@pytest.mark.parametrize("name", ["train_step", "test_step"])
def test_steps_of_the_models_own(name):
    own = type("Own", (keras.Model,), {name: lambda self, data: {}})
    inputs = keras.Input((6,))
    with pytest.raises(RequestError, match=f"has a {name} of its own"):
        tt.Trainer(own(inputs, K.Dense(3)(inputs)))


def test_what_a_compiled_model_has_is_taken():
    model = dense(1)
    model.compile(keras.optimizers.Adam(3e-4), "mse", metrics=["mae"])
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


@pytest.mark.parametrize(
    ("given", "labels", "expected"),
    [
        ({1: 5.0}, [0, 1, 2, 1], [1, 5, 1]),
        ("balanced", [0, 1, 1, 1], [2, 2 / 3]),
        ("balanced", [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [2, 2 / 3]),
    ],
)
def test_class_weights(given, labels, expected):
    source = tt.data.ArraySource(np.zeros((len(labels), 1)), np.array(labels))
    np.testing.assert_allclose(class_weights(given, source), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "has_weights", "sentence"),
    [
        ({7: 1.0}, False, "a weight for 7, and the classes are 0 to 2"),
        ({"a": 1.0}, False, "a weight for 'a', and the classes"),
        ({0: -1.0}, False, "of class 0 must be a number at least 0, not -1.0"),
        ("balance", False, "a dict of class to weight, or 'balanced', not 'balance'"),
        ({0: 1.0}, True, "cannot be given at the same time"),
    ],
)
def test_class_weights_that_cannot_be_used(given, has_weights, sentence):
    with pytest.raises(RequestError, match=sentence):
        class_weights(given, tt.data.ArraySource(np.zeros((3, 1)), np.arange(3), np.ones(3) if has_weights else None))


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


def test_a_metric_of_each_class_is_logged_as_so_many_numbers(tmp_path, capsys):
    metrics = [keras.metrics.F1Score(name="f1")]
    data = (X, np.eye(3, dtype="float32")[CLASSES])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    trainer = tt.Trainer(dense(), batch_size=8, loss=loss, metrics=metrics)
    history = trainer.fit(data, 1, validation=data, workdir=tmp_path / "run")
    assert history.history["f1"][0].shape == (3,)
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["f1/2"] for line in lines] == [history.history[name][0][2] for name in ("f1", "val_f1")]
    assert "f1/2 " in capsys.readouterr().out


def test_an_argument_of_fit_that_does_not_exist():
    with pytest.raises(RequestError, match=r"no argument of Trainer\.fit called 'log_evry'; did you mean 'log_every'"):
        fit(dense(), (X, CLASSES), fit_arguments={"log_evry": 3})


def test_epochs_without_end():
    with pytest.raises(RequestError, match="epochs must be a number above 0 and at most 1000000000, not inf"):
        tt.Trainer(dense(), batch_size=8).fit((X, CLASSES), float("inf"), verbose=0)


def test_the_trainer_on_another_backend():
    program = "import tf_tricks as tt\ntry: tt.Trainer(None)\nexcept tt.RequestError as error: print(error)"
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert "the trainer needs Keras on TensorFlow, and it is on jax" in done.stdout, done.stderr


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
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
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


def test_an_augmentation_for_fewer_classes_than_the_data_have():
    images, classes = np.zeros((32, 6, 6, 3), "float32"), np.arange(32) // 8
    stream = tt.data.Stream(
        tt.data.as_source((images, classes)), augment=tt.augment.get({"name": "mixup", "num_classes": 3})
    )
    model = keras.Sequential([keras.Input((6, 6, 3)), K.Flatten(), K.Dense(4)])
    with pytest.raises(RequestError, match="has num_classes=3, and the labels of the training data go up to 3"):
        fit(model, stream)


def test_an_augmentation_that_mixes_examples_of_different_weight():
    images, weights = np.zeros((32, 6, 6, 3), "float32"), np.ones(32, "float32")
    mixup = tt.augment.get({"name": "mixup", "num_classes": 3})
    model = keras.Sequential([keras.Input((6, 6, 3)), K.Flatten(), K.Dense(3)])
    with pytest.raises(RequestError, match="mixes examples cannot be used with weights of examples"):
        fit(model, tt.data.Stream((images, CLASSES, weights), augment=mixup))


def test_a_source_that_does_not_say_what_its_labels_are():
    source = BlankSource(tf.TensorSpec([6]), tf.TensorSpec([1]), 32)
    trainer = tt.Trainer(dense(1), batch_size=8, loss="mean_squared_error")
    assert trainer.check(tt.data.Stream(source), epochs=1).description == "labels: mean squared error"


def schedule_of(rates):
    return lambda epoch: rates[min(int(epoch), len(rates) - 1)]


@pytest.mark.parametrize("rate", [-0.1, float("nan"), "0.1"])
def test_a_learning_rate_that_is_none(rate):
    with pytest.raises(RequestError, match=r"the learning rate at epoch 1\.\d+ must be a number at least 0, not "):
        fit(dense(), (X, CLASSES), fit_arguments={"epochs": 2}, learning_rate=schedule_of([0.1, rate]))


@pytest.mark.parametrize("shape", [(32, 4, 1), (32, 4, 4, 1)])
def test_integer_labels_with_a_channel_are_classes(shape):
    inputs = RNG.randn(*shape[:-1], 6).astype("float32")
    labels = RNG.randint(0, 3, shape)
    model = keras.Sequential([keras.Input(inputs.shape[1:]), keras.layers.Dense(3)])
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    losses = [fit(m, (inputs, y)).history["loss"] for m, y in ((model, labels), (twin, labels[..., 0]))]
    assert losses[0] == losses[1]


def test_a_class_that_is_ignored_may_be_below_0():
    labels = np.where(np.arange(32) % 4, CLASSES, -1)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    assert np.isfinite(fit(dense(), (X, labels), loss=loss).history["loss"]).all()


def test_labels_of_an_output_that_the_model_does_not_have():
    x = keras.Input((6,))
    model = keras.Model(x, {"p": keras.layers.Dense(1)(x), "q": keras.layers.Dense(1)(x)})
    with pytest.raises(RequestError, match=r"no output of the model '.*' called 'qq'; did you mean 'q'"):
        fit(model, (X, {"p": REAL, "qq": REAL}), loss="mse")


def test_several_labels_for_one_output():
    with pytest.raises(RequestError, match="1 output and the labels are 3 numbers each: the loss 'mse' would"):
        fit(dense(1), (X, RNG.randn(32, 3)), loss="mse")


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (tf.ragged.constant([[1.0], [2.0, 3.0]] * 16), "not a RaggedTensor: pad them"),
        (tf.sparse.from_dense(X), "not a SparseTensor: make them dense"),
        (scipy.sparse.csr_matrix(X), "not a csr_matrix: make them dense"),
    ],
)
def test_inputs_that_are_not_dense(inputs, sentence):
    with pytest.raises(RequestError, match=f"the inputs must be arrays of numbers, {sentence}"):
        fit(dense(), (inputs, CLASSES))

"""What is learned is told from the data, and what cannot be meant is refused."""

import json

import keras
import numpy as np
import pytest
import scipy.sparse
import tensorflow as tf
from support.requests import CLASSES, REAL, RNG, X, dense, fit

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.tpu.blank import BlankSource
from tf_tricks.training.task import plan_task

K = keras.layers


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
            "no single number to minimize",
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
    assert plan_task(trainer, tt.data.Stream(source), epochs=1).description == "labels: mean squared error"


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

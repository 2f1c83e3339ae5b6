"""Names that are not known, and calls that do not fit."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_tricks as tt
from tf_tricks.errors import RequestError, unknown

LOSSES = ["binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy"]


@pytest.mark.parametrize(
    ("given", "allowed", "nearest"),
    [
        ("adm", ["adam", "momentum"], "adam"),
        ("X_train", ["x_train", "y_train"], "x_train"),
        ("Adam", ["adam", "adamax"], "adam"),
        ("sparse_crossentropy", LOSSES, "sparse_categorical_crossentropy"),
        ("categorical_crossentropi", LOSSES, "categorical_crossentropy"),
    ],
)
def test_the_nearest_name(given, allowed, nearest):
    assert f"; did you mean {nearest!r}?" in str(unknown("thing", given, allowed))


def test_nothing_is_near():
    assert "did you mean" not in str(unknown("optimizer", "zebra", ["adam", "momentum"]))


@pytest.mark.parametrize(
    ("call", "example"), [("fit", r"fit\(\(x, y\), epochs=5\)"), ("evaluate", r"evaluate\(\(x, y\)\)")]
)
def test_inputs_and_labels_as_keras_takes_them(call, example):
    trainer = tt.Trainer(keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]), loss="mse")
    x, y = np.zeros((4, 2)), np.zeros((4, 1))
    arguments = {"epochs": 1} if call == "fit" else {}
    with pytest.raises(RequestError, match=rf"Trainer\.{call}: .*; inputs and labels are one argument, {example}$"):
        getattr(trainer, call)(x, y, **arguments)


def in_a_function(mixup, images, labels):
    return tf.function(lambda *batch: mixup(*batch, training=True))(images, labels)


def in_a_map(mixup, images, labels):
    return tf.data.Dataset.from_tensors((images, labels)).map(lambda *batch: mixup(*batch))


@pytest.mark.parametrize("call", [in_a_function, in_a_map])
def test_a_sentence_stays_one_where_autograph_converts_what_is_around_it(call):
    with pytest.raises(RequestError, match=r"^mixup needs num_classes to mix labels that are integers$"):
        call(tt.augment.get("mixup"), np.zeros((4, 8, 8, 3), "uint8"), np.arange(4))


def test_of_very_many_names_the_nearest_are_listed():
    names = [f"file{i}.py" for i in range(5000)] + ["digits.py"]
    sentence = str(unknown("config file", "digts.py", names))
    assert sentence.startswith("there is no config file 'digts.py'; did you mean 'digits.py'? (there are: digits.py, ")
    assert sentence.endswith(" and 4981 others)")
    assert len(sentence) < 500

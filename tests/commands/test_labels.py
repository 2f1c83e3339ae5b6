"""What the labels of an `.npz` file are taken for where the config says nothing."""

import json

import numpy as np
import pytest

RNG = np.random.RandomState(0)
X = RNG.randn(200, 6).astype("float32")
CLASSES = np.argmax(X[:, :3], axis=1)
SMALL = ("--config=digits", "--config.augment=None", "--config.epochs=2", "--config.model={'name':'mlp','hidden':[8]}")


def train(tf_tricks, tmp_path, labels, *arguments, **arrays):
    np.savez(tmp_path / "data.npz", x_train=X, y_train=labels, **arrays)
    data = ("--config.data.name=arrays", f"--config.data.file={tmp_path / 'data.npz'}")
    return tf_tricks("train", *SMALL, *data, f"--workdir={tmp_path / 'run'}", *arguments)


@pytest.mark.parametrize(
    ("labels", "line"),
    [
        (CLASSES, "classification of 3 classes: sparse categorical crossentropy, accuracy"),
        (np.eye(3)[CLASSES], "classification of 3 classes, one-hot labels: sparse categorical crossentropy, accuracy"),
        (0.9 * np.eye(3)[CLASSES] + 0.1 / 3, "classification of 3 classes, distributions labels: sparse"),
        ((X[:, :3] > 0) * 1.0, "multi-hot labels: binary crossentropy, binary accuracy"),
        ((X[:, :1] > 0) * 1.0, "binary classification: binary crossentropy, binary accuracy"),
        (X[:, 0] * 2, "regression of 1 number: mean squared error"),
    ],
)
def test_the_kind_of_labels_decides(tf_tricks, tmp_path, labels, line):
    outcome = train(tf_tricks, tmp_path, labels)
    assert outcome.status == 0, outcome.err
    assert line in outcome.out


def test_classes_as_floats_are_not_guessed(tf_tricks, tmp_path):
    outcome = train(tf_tricks, tmp_path, CLASSES.astype("float32"))
    assert outcome.status == 2
    assert "if they are classes, say --config.data.num_classes; if they are values, --config.loss=" in outcome.err


@pytest.mark.parametrize("name", ["sparse_categorical_crossentropy", "{'name':'sparse_categorical_crossentropy'}"])
def test_a_loss_by_name_knows_that_the_model_gives_logits(tf_tricks, tmp_path, name):
    losses = []
    for arguments in ([], [f"--config.loss={name}"]):
        folder = tmp_path / str(len(losses))
        folder.mkdir()
        assert train(tf_tricks, folder, CLASSES, *arguments).status == 0
        lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
        losses.append([json.loads(line)["loss"] for line in lines])
    assert losses[0] == losses[1]


def test_weights_of_examples_and_of_classes(tf_tricks, tmp_path):
    weights = np.where(CLASSES == 0, 3.0, 1.0)
    losses = []
    for arguments, arrays in ([], {"w_train": weights}), (["--config.class_weight={0: 3.0}"], {}), ([], {}):
        folder = tmp_path / str(len(losses))
        folder.mkdir()
        outcome = train(tf_tricks, folder, CLASSES, "--config.data.validation_fraction=0", *arguments, **arrays)
        assert outcome.status == 0, outcome.err
        lines = (folder / "run" / "metrics.jsonl").read_text().splitlines()
        losses.append([json.loads(line)["loss"] for line in lines])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-6)
    assert losses[0] != losses[2]

"""tf-tricks evaluate gives what the trainer gave, for a run of a config and for one of Trainer.fit."""

import keras
import numpy as np
import pytest

import tf_tricks as tt

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.arange(64) % 3


@pytest.fixture
def trained(tmp_path):
    """A function of a loss that trains in tmp_path/run and returns the trainer."""
    np.savez(tmp_path / "data.npz", x=X, y=Y)

    def train(loss=None):
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3)])
        trainer = tt.Trainer(model, loss=loss, metrics=["accuracy"], learning_rate=0.1)
        trainer.fit((X, Y), 1, workdir=tmp_path / "run", verbose=0)
        return trainer

    return train


def test_a_run_of_python_on_a_file_of_arrays(tf_tricks, trained, tmp_path):
    results = trained().evaluate((X, Y))
    outcome = tf_tricks("evaluate", f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.npz'}")
    assert outcome.out == f"data loss {results['loss']:.4f}  data accuracy {results['accuracy']:.4f}\n"


def test_a_run_of_python_without_data_says_what_it_needs(refused, trained, tmp_path):
    trained()
    refused(r"say on which to evaluate it, --data=FILE\.npz", "evaluate", f"--workdir={tmp_path / 'run'}")


def test_a_loss_of_ones_own_is_evaluated_where_it_is_known(refused, trained, tmp_path):
    trained(lambda y_true, y_pred: keras.ops.mean(keras.ops.square(y_pred), axis=-1))
    arguments = (f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.npz'}")
    refused("trained with a loss of its program's own, which is not saved with it", "evaluate", *arguments)


@pytest.mark.parametrize(
    ("arrays", "pattern"),
    [
        ({"x": X}, "lacks the array y; it holds x"),
        ({"x": X, "y": Y, "z": Y}, "of the name 'z'"),
        ({"x": X[:, :4], "y": Y}, r"cannot take the inputs of the data to evaluate, float32 \[\d+, 4\]"),
        ({"x": X, "y": Y + 1}, "the labels of the data to evaluate go up to 3, but the model has 3 outputs"),
    ],
)
def test_data_that_do_not_fit_are_refused(refused, trained, tmp_path, arrays, pattern):
    trained()
    np.savez(tmp_path / "data.npz", **arrays)
    refused(pattern, "evaluate", f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.npz'}")


def test_a_split_of_the_run_beside_other_data(refused, trained, tmp_path):
    trained()
    arguments = (f"--workdir={tmp_path / 'run'}", f"--data={tmp_path / 'data.npz'}", "--split=train")
    refused("--split=train is of the run's own data, and --data=.* is other: leave one out", "evaluate", *arguments)

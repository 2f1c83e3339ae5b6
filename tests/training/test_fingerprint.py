"""A run goes on with what it was begun with: other data, models and settings are refused, and nothing is lost."""

import json
import shutil

import keras
import numpy as np
import pytest

import tf_tricks as tt
from tf_tricks.errors import RequestError

X = np.random.default_rng(0).normal(size=(64, 6)).astype("float32")
Y = np.arange(64) % 3


def trainer(activation="relu", optimizer="momentum", **arguments):
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6,)), keras.layers.Dense(8, activation), keras.layers.Dense(3)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return tt.Trainer(
        keras.Sequential(layers), optimizer, **{"learning_rate": 0.1, "batch_size": 32, "loss": loss} | arguments
    )


def begin(workdir):
    trainer().fit((X, Y), 1, workdir=workdir, verbose=0, log_every=1)
    return (workdir / "metrics.jsonl").read_text()


OTHERS = {
    "labels": (dict(), ((X, (Y + 1) % 3), 2), "training data"),
    "inputs": (dict(), ((2 * X, Y), 2), "training data"),
    "first example": (dict(), ((np.concatenate([2 * X[:1], X[1:]]), Y), 2), "training data"),
    "last example": (dict(), ((np.concatenate([X[:-1], 2 * X[-1:]]), Y), 2), "training data"),
    "fewer": (dict(), ((X[:32], Y[:32]), 2), "number of training examples: 64 then, 32 now"),
    "weighted": (dict(), ((X, Y, np.ones(64)), 2), "training data"),
    "activation": (dict(activation="tanh"), ((X, Y), 2), "model"),
    "momentum": (dict(optimizer=keras.optimizers.SGD(0.1, momentum=0.5)), ((X, Y), 2), "optimizer"),
    "l2": (dict(l2=0.1), ((X, Y), 2), "update"),
    "micro-batch": (dict(micro_batch=16), ((X, Y), 2), "micro-batch: None then, 16 now"),
    "smoothing": (
        dict(loss={"name": "sparse_categorical_crossentropy", "from_logits": True, "label_smoothing": 0.1}),
        ((X, Y), 2),
        "loss",
    ),
    "rate": (dict(learning_rate=0.2), ((X, Y), 1), r"learning rate: constant\(value=0.1\) then"),
    "batch": (dict(batch_size=16), ((X, Y), 1), "batch size"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_run_is_refused_and_the_folder_is_left_as_it_was(tmp_path, name):
    arguments, (data, epochs), sentence = OTHERS[name]
    before = begin(tmp_path)
    with pytest.raises(RequestError, match=f"the run in .* is another one by its {sentence}"):
        trainer(**arguments).fit(data, epochs, workdir=tmp_path, verbose=0)
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_another_seed_is_refused(tmp_path):
    begin(tmp_path)
    with pytest.raises(RequestError, match="is another one by its seed: 0 then, 1 now"):
        trainer().fit(tt.data.Stream(tt.data.as_source((X, Y)), seed=1), 2, workdir=tmp_path, verbose=0)


def test_other_class_weights_are_refused(tmp_path):
    begin(tmp_path)
    with pytest.raises(RequestError, match="is another one by its class weights: None then"):
        trainer().fit((X, Y), 2, workdir=tmp_path, verbose=0, class_weight={0: 2.0})


def test_a_run_of_one_epoch_is_trained_on_to_two_as_if_it_had_been_two(tmp_path):
    begin(tmp_path / "one")
    longer, whole = trainer(), trainer()
    longer.fit((X, Y), 2, workdir=tmp_path / "one", verbose=0, log_every=7, keep=1)
    whole.fit((X, Y), 2, verbose=0)
    for a, b in zip(longer.model.weights, whole.model.weights):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    assert json.loads((tmp_path / "one" / "config.json").read_text())["fingerprint"]["epochs"] == 2


def test_names_counted_up_within_a_process_do_not_matter(tmp_path):
    begin(tmp_path)
    for _ in range(3):
        trainer()
    keras.utils.set_random_seed(0)
    trainer().fit((X, Y), 2, workdir=tmp_path, verbose=0)


def test_a_function_as_schedule_is_the_same_in_the_next_process(tmp_path):
    for _ in range(2):  # each time a new function object
        trainer(learning_rate=lambda epoch: 0.1).fit((X, Y), 1, workdir=tmp_path, verbose=0)


def test_somebody_elses_metrics_are_left_alone(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"accuracy": 1}\n')
    with pytest.raises(RequestError, match=r"holds metrics.jsonl of something else"):
        trainer().fit((X, Y), 1, workdir=tmp_path, verbose=0)
    assert (tmp_path / "metrics.jsonl").read_text() == '{"accuracy": 1}\n'


def test_somebody_elses_config_is_left_alone(tmp_path):
    (tmp_path / "config.json").write_text('{"name": "mine"}')
    with pytest.raises(RequestError, match=r"the config.json in .* is of something else"):
        trainer().fit((X, Y), 1, workdir=tmp_path, verbose=0)
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("config.json", '{"name": "mine"}')]


def test_one_label_in_a_thousand_is_seen(tmp_path):
    x, y = np.zeros((3000, 6), "float32"), np.zeros(3000, "int32")
    trainer().fit((x, y), 0.1, workdir=tmp_path, verbose=0)
    y[1234] = 1
    with pytest.raises(RequestError, match="is another one by its training data"):
        trainer().fit((x, y), 0.2, workdir=tmp_path, verbose=0)


def test_a_finished_run_without_checkpoints_is_not_begun_anew(tmp_path):
    begin(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    with pytest.raises(RequestError, match="is finished and has no checkpoints left"):
        trainer().fit((X, Y), 1, workdir=tmp_path, verbose=0)


def test_checkpoints_without_their_config_are_left_alone(tmp_path):
    begin(tmp_path)
    (tmp_path / "config.json").unlink()
    with pytest.raises(RequestError, match="holds checkpoints of something else"):
        trainer().fit((X, Y), 2, workdir=tmp_path, verbose=0)


def test_a_damaged_config_is_told(tmp_path):
    begin(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RequestError, match=r"its config\.json is missing or damaged"):
        trainer().fit((X, Y), 2, workdir=tmp_path, verbose=0)

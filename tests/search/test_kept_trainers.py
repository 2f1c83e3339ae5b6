"""A trial in a trainer that is kept is the run that `tf-tricks train` makes of its config, bit for bit."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from etils import epath

import tf_tricks as tt
from tf_tricks.commands import train
from tf_tricks.config import parts
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.trial import run_trial

CONFIG = {
    "epochs": 2.0,
    "data": {"name": "digits", "validation_fraction": 0.1},
    "model": {"name": "mlp", "hidden": [16], "dropout": 0.2},
    "optimizer": {"name": "momentum", "momentum": 0.9},
    "learning_rate": 0.05,
    "batch_size": 64,
}
NUMBERS = {"l2": 1e-3, "clip_global_norm": 1.0, "weight_decay": 1e-3, "clip_value": 0.5, "clip_norm": 0.7}
CASES = {
    "a change after another": (
        {},
        {"learning_rate": 0.2},
        {"learning_rate": {"name": "cosine_decay", "initial": 0.1}},
        {"batch_size": 32},
        {"seed": 7},
        {"model": {"name": "mlp", "hidden": [16], "dropout": 0.5}},
    ),
    "numbers": (NUMBERS, {name: 3 * value for name, value in NUMBERS.items()}),
    "a decay of its own": ({"optimizer": "lamb", "weight_decay": 0.01}, {"weight_decay": 0.1}),
    "adam": ({"optimizer": "adam_w", "weight_decay": 0.01}, {"weight_decay": 0.1, "learning_rate": 0.01}),
    "augmentation and batch norm": (
        {
            "augment": "gaussian_noise",
            "model": {"name": "mlp", "hidden": [16], "normalization": "batch_normalization"},
        },
        {"learning_rate": 0.2},
    ),
    "callbacks": ({"callbacks": [{"name": "EarlyStopping", "patience": 0}]}, {"learning_rate": 0.9}),
}
"""What the first trial has beside CONFIG, and what is changed in each of those after it."""


@pytest.fixture(autouse=True, scope="module")
def _deterministic():
    tf.config.experimental.enable_op_determinism()


@pytest.mark.parametrize("name", CASES)
def test_a_trial_is_the_run_of_its_config(name, tmp_path):
    before, *changes = CASES[name]
    first = parts.resolve(CONFIG | before)
    others = [parts.resolve(first | change) for change in changes]
    trainers = KeptTrainers(tt.strategy("cpu"))
    for number, config in enumerate((first, *others, first)):
        run_trial(trainers, config, epath.Path(tmp_path / str(number)), 1, "val_loss")
    for number, config in enumerate(others, 1):
        train.train(config, epath.Path(tmp_path / f"alone_{number}"), device="cpu")
        assert_same(tmp_path / str(number), tmp_path / f"alone_{number}")
        with pytest.raises(AssertionError):
            assert_same(tmp_path / "0", tmp_path / str(number))
    assert_same(tmp_path / "0", tmp_path / str(1 + len(others)))


def assert_same(one, other):
    contents = [json.loads((folder / "config.json").read_text()) for folder in (one, other)]
    for content in contents:
        del content["run_id"]
    assert contents[0] == contents[1]
    models = [keras.models.load_model(folder / "model.keras") for folder in (one, other)]
    for weight, wanted in zip(models[0].weights, models[1].weights, strict=True):
        np.testing.assert_array_equal(np.asarray(weight), np.asarray(wanted), err_msg=weight.path)
    assert lines(one) == lines(other)


def lines(folder):
    found = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    left_out = ("wall_time", "examples_per_second")
    return [{k: v for k, v in line.items() if k not in left_out} for line in found if line["split"] != "test"]


def test_a_shape_is_compiled_once(tmp_path):
    trainers, config = KeptTrainers(tt.strategy("cpu")), parts.resolve(CONFIG | {"l2": 1e-3})
    loops = []
    for i, change in enumerate([{}, {"learning_rate": 0.2}, {"l2": 1e-2}, {"batch_size": 32}, {"l2": 0.0}]):
        trial = parts.resolve(config | change)
        run_trial(trainers, trial, epath.Path(tmp_path / str(i)), 1, "val_loss")
        loops.append(trainers.get(trial)[0].prepared.loop)
    assert loops[0] is loops[1] is loops[2] is loops[3]
    assert sorted(loops[0]._functions) == [32, 64]
    assert loops[4] is not loops[0]  # without L2 there is another step


def test_the_data_are_read_once_a_seed(monkeypatch):
    from tf_tricks.search import kept_trainers

    read = []
    get = kept_trainers.data.get
    monkeypatch.setattr(kept_trainers.data, "get", lambda *given, **more: read.append(more) or get(*given, **more))
    trainers = KeptTrainers(tt.strategy("cpu"))
    for change in ({}, {"model": "mlp"}, {"seed": 1}, {"seed": 1, "model": "mlp"}):
        trainers.get(parts.resolve(CONFIG | change))
    assert read == [{"seed": 0}, {"seed": 1}]


def test_nothing_is_said_of_tracing_each_shape(tmp_path, caplog):
    trainers = KeptTrainers(tt.strategy("cpu"))
    for units in range(4, 11):
        config = parts.resolve(CONFIG | {"epochs": 0.1, "model": {"name": "mlp", "hidden": [units]}})
        run_trial(trainers, config, epath.Path(tmp_path / str(units)), 1, "val_loss")
    assert "retracing" not in caplog.text

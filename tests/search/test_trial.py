"""What a trial ends as: its value, or what was in its way."""

import json
import math

import optuna
import pytest
from etils import epath

import tf_tricks as tt
from tf_tricks.config import parts
from tf_tricks.engines.tensorflow.loop import Loop
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.trial import run_trial

CONFIG = {
    "epochs": 3.0,
    "data": {"name": "digits", "validation_fraction": 0.1},
    "model": {"name": "mlp", "hidden": [16]},
    "learning_rate": 0.05,
    "batch_size": 128,
}


@pytest.fixture(scope="module")
def trainers():
    return KeptTrainers(tt.strategy("cpu"))


def run(trainers, folder, seeds=1, metric="val_accuracy", trial=None, **changes):
    return run_trial(trainers, parts.resolve(CONFIG | changes), epath.Path(folder), seeds, metric, trial)


def logged(folder, name="accuracy"):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line[name] for line in lines if line["split"] == "validation"]


def test_its_value_is_that_of_the_last_epoch(trainers, tmp_path):
    outcome = run(trainers, tmp_path / "trial")
    assert (outcome.outcome, outcome.epochs, outcome.note) == ("complete", 3, "")
    assert outcome.value == outcome.values[0] == pytest.approx(logged(tmp_path / "trial")[-1])
    assert "test" not in (tmp_path / "trial" / "metrics.jsonl").read_text()  # the test set is not touched


def test_of_several_seeds_it_is_the_mean(trainers, tmp_path):
    outcome = run(trainers, tmp_path, seeds=3, seed=5)
    assert [json.loads((tmp_path / f"seed{i}" / "config.json").read_text())["config"]["seed"] for i in range(3)] == [
        5,
        6,
        7,
    ]
    assert outcome.value == pytest.approx(sum(logged(tmp_path / f"seed{i}")[-1] for i in range(3)) / 3)
    assert len(set(outcome.values)) > 1


def test_a_finished_run_is_not_trained_again(trainers, tmp_path):
    first = run(trainers, tmp_path / "trial")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "trial" / "checkpoints").iterdir()}
    again = run(trainers, tmp_path / "trial")
    assert again.values == first.values
    assert files.keys() == {path: None for path in (tmp_path / "trial" / "checkpoints").iterdir()}.keys()


def test_a_diverged_run_is_a_result(trainers, tmp_path):
    outcome = run(trainers, tmp_path / "trial", learning_rate=1e30)
    assert outcome.outcome == "diverged"
    assert outcome.value is None
    assert "the run has diverged" in outcome.note
    assert run(trainers, tmp_path / "next").outcome == "complete"


def test_running_out_of_memory_is_a_result(trainers, tmp_path, monkeypatch):
    import tensorflow as tf

    def fail(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "run", fail)
        outcome = run(trainers, tmp_path / "trial")
    assert outcome.outcome == "out of memory"
    assert "out of memory in training with a batch of 128 examples" in outcome.note
    assert run(trainers, tmp_path / "next").outcome == "complete"


def test_a_config_that_cannot_be_trained_is_refused(trainers, tmp_path):
    outcome = run(trainers, tmp_path / "trial", batch_size=10**6)
    assert outcome.outcome == "refused"
    assert "1000000" in outcome.note


def test_a_metric_that_is_not_there(trainers, tmp_path):
    outcome = run(trainers, tmp_path / "trial", metric="val_acuracy")
    assert "did you mean 'val_accuracy'" in outcome.note


def test_a_pruner_ends_it(trainers, tmp_path):
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=2.0))
    outcome = run(trainers, tmp_path / "trial", trial=study.ask())
    assert (outcome.outcome, outcome.epochs) == ("pruned", 1)
    assert outcome.value is None
    assert "after 1 epoch" in outcome.note
    assert len(logged(tmp_path / "trial")) == 1


def test_each_epoch_is_reported(trainers, tmp_path):
    study = optuna.create_study(direction="maximize")
    run(trainers, tmp_path / "trial", trial=study.ask())
    reported = study.trials[0].intermediate_values
    assert list(reported) == [1, 2, 3]
    assert list(reported.values()) == pytest.approx(logged(tmp_path / "trial"))
    assert all(map(math.isfinite, reported.values()))

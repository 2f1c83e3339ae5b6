"""The runs of an ablation: in which order, what is kept of each, and what becomes of those that end badly."""

import json

import pytest
from etils import epath

import tf_tricks as tt
from tf_tricks import data
from tf_tricks.config import parts
from tf_tricks.errors import RequestError
from tf_tricks.search.ablation import runner
from tf_tricks.search.ablation.arms import Arm, arms
from tf_tricks.search.ablation.tricks import canonical, find
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.trial import Outcome
from tf_tricks.training.lock import locked

CONFIG = {
    "epochs": 1.0,
    "data": {"name": "digits", "validation_fraction": 0.1},
    "model": {"name": "mlp", "hidden": [8]},
    "learning_rate": 0.05,
    "batch_size": 128,
}


def config(**changes):
    return canonical(parts.resolve(CONFIG | changes))


class Trials:
    """Stands for `run_trial`: notes the runs that it is called for, in their order, and trains nothing."""

    def __init__(self):
        self.runs, self.endings = [], {}

    def __call__(self, trainers, config, folder, seeds, metric):
        self.runs.append(folder.name)
        return self.endings.get(folder.name, Outcome("complete", "", [0.5], 1.0, 2.0))


@pytest.fixture
def trials(monkeypatch):
    made = Trials()
    monkeypatch.setattr(runner, "run_trial", made)
    return made


def go(of, folder, seeds=(0, 1)):
    told = []
    results = runner.train(of, seeds, epath.Path(folder), None, "val_accuracy", lambda *line: told.append(line))
    return results, told


def made(text, **changes):
    found = config(**changes)
    return arms(found, find(text, found, data.get(found["data"], seed=0)))


def test_the_order_is_by_seed_and_shape(trials, tmp_path):
    results, told = go(made("l2,warm_up,dropout"), tmp_path)
    # A warm-up compiles nothing of its own
    first = [
        "full",
        "without-warm_up",
        "bare",
        "only-warm_up",
        "without-l2",
        "only-dropout",
        "without-dropout",
        "only-l2",
    ]
    assert trials.runs == [f"{name}-seed{seed}" for seed in (0, 1) for name in first]
    assert list(results) == trials.runs
    assert [(name, seed) for name, seed, _ in told[:2]] == [("full", 0), ("without warm_up", 0)]


def test_the_same_config_is_trained_once(trials, tmp_path):
    of = made("l2")
    results, _ = go(of, tmp_path)
    assert trials.runs == ["full-seed0", "bare-seed0", "full-seed1", "bare-seed1"]
    assert all(arm.run_of(1) in results for arm in of.values())


def test_what_has_ended_is_not_trained_again_but_what_has_failed(trials, tmp_path):
    trials.endings |= {
        "full-seed0": Outcome("diverged", "the run has diverged", [], 0.0, 1.0),
        "bare-seed0": Outcome("failed", "the disk is full", [], 0.0, 1.0),
    }
    first, _ = go(made("l2"), tmp_path)
    assert [(r.outcome, r.note, r.value) for r in first.values()][:2] == [
        ("diverged", "the run has diverged", None),
        ("failed", "the disk is full", None),
    ]
    before = list(trials.runs)
    assert before.count("bare-seed0") == 1
    trials.endings.clear()
    again, told = go(made("l2"), tmp_path)
    assert trials.runs == [*before, "bare-seed0"]
    assert again["full-seed0"].outcome == "diverged"
    assert again["bare-seed0"].value == 0.5
    assert len(told) == 1
    more, told = go(made("l2"), tmp_path, seeds=(0, 1, 2))  # more seeds are more runs, and no other ablation
    assert [seed for _, seed, _ in told] == [2, 2]
    assert len(more) == 6


def test_what_another_process_trains_is_waited_for(trials, tmp_path, monkeypatch):
    of = made("l2")
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        result = runner.RunResult("runs/full-seed0", 0, "complete", "", 0.75, 1.0, None)
        (tmp_path / "results" / "full-seed0.json").write_text(json.dumps(vars(result)))

    def taken(folder):
        if folder.name == "full-seed0":
            raise RequestError("another process trains")
        return locked(folder)

    monkeypatch.setattr(runner.time, "sleep", sleep)
    monkeypatch.setattr(runner, "locked", taken)
    results, told = go(of, tmp_path)
    assert "full-seed0" not in trials.runs
    assert results["full-seed0"].value == 0.75
    assert (len(told), len(naps)) == (3, 1)


def test_a_diverged_run_is_a_result(tmp_path):
    trainers = KeptTrainers(tt.strategy("cpu"))
    arm = Arm("full", config(learning_rate=1e30), "full")
    results = runner.train({"full": arm}, [3], epath.Path(tmp_path), trainers, "val_loss", lambda *_: None)
    kept = json.loads((tmp_path / "results" / "full-seed3.json").read_text())
    assert kept == vars(results["full-seed3"])
    assert (kept["outcome"], kept["value"], kept["seed"], kept["folder"]) == ("diverged", None, 3, "runs/full-seed3")
    assert "the run has diverged" in kept["note"]
    assert json.loads((tmp_path / "runs" / "full-seed3" / "config.json").read_text())["config"]["seed"] == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": {"name": "mlp", "hidden": [0]}}, "only l2: each of hidden must be an integer"),
        ({"class_weight": {"17": 2.0}}, "only l2: class_weight has a weight for 17, and the classes are 0 to 9"),
        ({"optimizer": {"name": "adam", "nesterov": True}}, "there is no argument of the optimizer 'adam' called"),
        ({"batch_size": 10**6}, "only l2: .*1000000"),
    ],
)
def test_a_config_that_cannot_be_trained_is_told_before(changes, sentence):
    trainers = KeptTrainers(tt.strategy("cpu"))
    good = Arm("full", config(), "full")
    runner.check([good], trainers)
    with pytest.raises(RequestError, match=sentence):
        runner.check([good, Arm("only l2", config(**changes), "only-l2")], trainers)


def lines(*of):
    """Lines of a log: epoch, batch size, examples so far, examples a second; of 100 examples."""
    keys = ("epoch", "batch_size", "examples_seen", "examples_per_second")
    return [{"split": "train"} | dict(zip(keys, line)) for line in of]


@pytest.mark.parametrize(
    ("log", "seconds"),
    [
        # The first epoch compiles: 100 examples at 10/s. Then epochs of 2 s, 4 s and 50 s
        (lines((1, 50, 100, 10), (2, 50, 200, 50), (3, 50, 300, 25), (4, 50, 400, 2)), 4.0),
        # An epoch of two lines, 50 examples in 1 s and 50 in 2 s
        (lines((1, 50, 100, 1), (1.5, 50, 150, 50), (2, 50, 200, 25)), 3.0),
        # A batch that reaches over the end of the epoch belongs to where its middle lies
        (lines((1.04, 8, 104, 1), (2, 8, 200, 48)), 2 / 0.96),
        # One epoch: its first line is what compiles
        (lines((0.5, 50, 50, 1), (1, 50, 100, 25)), 4.0),
        (lines((1, 50, 100, 25)), None),
    ],
)
def test_the_seconds_of_an_epoch(log, seconds, tmp_path):
    others = [{"split": "validation", "epoch": 1}]
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, [*log, *others])) + "\n")
    found = runner.seconds_per_epoch(epath.Path(tmp_path))
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_without_a_log_the_seconds_are_not_known(tmp_path):
    assert runner.seconds_per_epoch(epath.Path(tmp_path)) is None

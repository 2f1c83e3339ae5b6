"""`tf-tricks finetune`: every policy from a run, what it prints, and that it goes on where it was left."""

import itertools
import json
import shutil

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits
from support.crash import Crash

from tf_tricks import models
from tf_tricks.config import packaged_configs, parts
from tf_tricks.finetune import auto

POLICIES = ("linear_probe", "last_blocks", "auto", "probe_then_finetune", "gradual", "layer_wise", "l2_sp", "full")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """An archive of the digits 5 to 9: 20 of each to train on, 10 to test."""
    x, y = load_digits(return_X_y=True)
    x = x.reshape(-1, 8, 8, 1).astype("float32")
    rows = np.stack([np.flatnonzero(y == c)[:30] for c in range(5, 10)])
    train, test = rows[:, :20].ravel(), rows[:, 20:].ravel()
    arrays = {"x_train": x[train], "y_train": y[train] - 5, "x_test": x[test], "y_test": y[test] - 5}
    path = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A run's folder with its model."""
    keras.utils.set_random_seed(0)
    network = {"name": "convnet", "filters": [8, 16], "convolutions": 1}
    model = models.get(network, input_shape=(8, 8, 1), num_outputs=10, mean=[5.0], variance=[36.0])
    folder = tmp_path_factory.mktemp("base")
    model.save(folder / "model.keras")
    return folder


def asked(policy, base, digits, workdir, *more):
    data = f"--config.data={{'name': 'arrays', 'file': '{digits}', 'validation_fraction': 0.1}}"
    given = ["finetune", f"--config=finetune:{policy}", f"--config.init_from={base}", data, f"--workdir={workdir}"]
    return [*given, "--device=cpu", *([] if any("epochs" in one for one in more) else ["--config.epochs=1"]), *more]


def lines(workdir):
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """What the runs of the module have left: {policy: (workdir, what it printed)}."""
    return {}


@pytest.fixture
def whole(finished, base, digits, tmp_path_factory, tf_tricks, monkeypatch):
    """A function of a policy that returns its run of six epochs; the first test that asks for it trains it."""

    def call(policy):
        if policy not in finished:
            workdir = tmp_path_factory.mktemp("whole") / "run"
            with monkeypatch.context() as patched:
                patched.setattr(auto, "_folds", lambda *given: itertools.islice(folds(*given), 2))
                outcome = tf_tricks(*asked(policy, base, digits, workdir, "--config.epochs=6"))
            assert outcome.status == 0, outcome.err
            finished[policy] = workdir, outcome.out
        return finished[policy]

    folds = auto._folds
    return call


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_makes_an_ordinary_run(policy, whole):
    workdir, printed = whole(policy)
    assert "starts with the model of" in printed
    assert (workdir / "model.keras").exists()
    assert lines(workdir)[-1]["split"] == "test"
    config = json.loads((workdir / "config.json").read_text())["config"]
    assert config["trained_blocks"] != "auto"
    table = [line.split() for line in printed.splitlines() if line.startswith(("conv2d", "logits"))]
    first = {"linear_probe": "no", "auto": None, "gradual": "from", "probe_then_finetune": "from"}.get(policy, "yes,")
    assert first is None or table[0][2] == first
    assert table[-1] == ["logits", "85", "yes"]  # 16 features, 5 classes


def test_a_head_that_is_fine_tuned_knows_the_new_classes(base, digits, tmp_path, tf_tricks):
    more = ["--config.epochs=60", "--config.learning_rate.schedule.initial=0.03"]
    assert tf_tricks(*asked("linear_probe", base, digits, tmp_path / "run", *more)).status == 0
    assert lines(tmp_path / "run")[-1]["accuracy"] > 0.6  # by chance 0.2


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "auto"])
def test_a_run_that_is_broken_off_goes_on_bit_for_bit(policy, whole, base, digits, tmp_path, tf_tricks, monkeypatch):
    build = parts.build

    def crashing(*arguments, **keywords):
        built = build(*arguments, **keywords)
        built.fit_arguments["callbacks"].append(Crash(epoch=3))
        return built

    workdir, _ = whole(policy)
    broken = asked(policy, base, digits, tmp_path / "broken", "--config.epochs=6")
    with monkeypatch.context() as patched:
        patched.setattr(parts, "build", crashing)
        with pytest.raises(ZeroDivisionError):
            tf_tricks(*broken)
    assert tf_tricks(*broken).status == 0
    kept = ("loss", "accuracy", "step", "weight_norm")
    found, expected = (
        [{key: line.get(key) for key in kept} for line in lines(run)] for run in (tmp_path / "broken", workdir)
    )
    assert found == expected


def test_a_finished_run_needs_no_base_to_be_evaluated(base, digits, tmp_path, tf_tricks):
    shutil.copytree(base, tmp_path / "base")
    assert tf_tricks(*asked("linear_probe", tmp_path / "base", digits, tmp_path / "run")).status == 0
    shutil.rmtree(tmp_path / "base")
    status, printed, _ = tf_tricks("evaluate", f"--workdir={tmp_path / 'run'}")
    assert status == 0
    assert f"{lines(tmp_path / 'run')[-1]['accuracy']:.4f}" in printed


@pytest.mark.parametrize(
    ("policy", "more", "sentence"),
    [
        ("linear_prob", [], "did you mean 'linear_probe'"),
        ("last_blocks", ["--config.trained_blocks=9"], "the model has 2 blocks below its head"),
        ("last_blocks", ["--config.init_from=nowhere.keras"], "nowhere.keras does not exist"),
        ("auto", ["--auto_budget=0"], "auto_budget must be"),
        ("last_blocks", ["--config.frozen_features=ram"], "frozen_features"),
        ("last_blocks", ["--config.trained_blocks=None"], "the config does not say which blocks are trained"),
        ("last_blocks", ["--config.frozen_batch_norm=None"], "frozen_batch_norm"),
        ("last_blocks", ["--config.trained_blocks=al"], "must be a number of blocks or 'all', not 'al'"),
    ],
)
def test_a_wrong_request_gets_a_sentence(policy, more, sentence, base, digits, tmp_path, refused):
    refused(sentence, *asked(policy, base, digits, tmp_path / "run", *more))


def test_pictures_of_another_size_get_a_sentence(base, tmp_path, refused):
    np.savez(tmp_path / "small.npz", x_train=np.zeros((9, 4, 4, 1), "float32"), y_train=np.arange(9) % 3)
    refused(
        r"takes inputs \[8, 8, 1\], not \[4, 4, 1\]", *asked("full", base, tmp_path / "small.npz", tmp_path / "run")
    )


def test_train_says_that_auto_is_for_finetune(base, digits, tmp_path, refused):
    refused("'auto' is for tf-tricks finetune", "train", *asked("auto", base, digits, tmp_path / "run")[1:])


def test_the_packaged_config_is_listed():
    assert "finetune" in packaged_configs.files()

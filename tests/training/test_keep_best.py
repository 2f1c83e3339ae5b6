"""The best model is the one that was validated as the best, and stays so whatever happens to the run."""

import json
import shutil

import keras
import numpy as np
import pytest
from support.crash import Crash
from support.runs import assert_resumes_exactly, assert_same, data, network, run, trainer

import tf_tricks as tt
from tf_tricks.errors import RequestError
from tf_tricks.training import saved_model
from tf_tricks.training.best import Best
from tf_tricks.training.state import Progress


def worsening(epoch):
    """A learning rate with which the second epoch is the best of four."""
    return 0.02 if epoch < 2 else 0.3


KINDS = {
    "plain": ("momentum", []),
    "average of the optimizer": ({"name": "momentum", "use_ema": True, "ema_momentum": 0.5}, []),
    "schedule-free": ("schedule_free_adam_w", []),
    "average of a callback": ("momentum", ["exponential_moving_average"]),
    "average of some epochs": ("momentum", ["stochastic_weight_averaging"]),
}
SETTINGS = {
    "exponential_moving_average": dict(momentum=0.5, batches=3, batch_size=16),
    "stochastic_weight_averaging": dict(start_epoch=1, batches=3, batch_size=16),
}


def made(kind):
    optimizer, _ = KINDS[kind]
    return trainer(optimizer=optimizer, learning_rate=worsening, metrics=["mean_absolute_error"], clip_global_norm=5.0)


def callbacks(kind):
    return [tt.callbacks.get({"name": name, **SETTINGS[name]}) for name in KINDS[kind][1]]


def evaluated(folder, which, examples):
    """What Keras itself makes of a model that a run has left."""
    return keras.models.load_model(folder / saved_model.FILES[which]).evaluate(*examples, verbose=0, return_dict=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_best_model_is_that_which_was_validated(kind, tmp_path):
    mode, find = ("max", np.argmax) if kind == "schedule-free" else ("min", np.argmin)  # its last is the lowest
    keep_best = {"name": "val_loss", "mode": mode}
    history = run(made(kind), callbacks(kind), tmp_path, test=data(20), keep_best=keep_best, keep=1)
    best = int(find(history["val_loss"]))
    assert best < 3, "the last epoch is the best: the test shows nothing"
    assert evaluated(tmp_path, "best", data(10))["loss"] == pytest.approx(history["val_loss"][best], rel=1e-5)
    assert history["test_loss"] == [pytest.approx(evaluated(tmp_path, "best", data(20))["loss"], rel=1e-5)]
    assert evaluated(tmp_path, "last", data(10))["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-5)


@pytest.mark.parametrize("kind", ["plain", "average of a callback"])
def test_keeping_it_changes_nothing_else(kind, tmp_path):
    kept, other = made(kind), made(kind)
    histories = [run(kept, callbacks(kind), tmp_path, keep_best="val_loss", test=data(20)), run(other, callbacks(kind))]
    assert {name: values for name, values in histories[0].items() if "test" not in name} == histories[1]
    assert_same(kept.model.get_weights(), other.model.get_weights())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a run of four epochs, and its trainer and history."""
    folder = tmp_path_factory.mktemp("best") / "run"
    trained = made("plain")
    history = run(trained, [], folder, test=data(20), keep_best="val_mean_absolute_error")
    return folder, trained, history


def test_the_test_is_one_line_and_says_of_which_model(finished):
    folder, trained, history = finished
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    (line,) = [line for line in lines if line["split"] == "test"]
    assert (line["checkpoint"], line["step"]) == ("best", trained.run.best.progress.step)
    assert line["loss"] == history["test_loss"][0]


def test_config_json_says_which_it_is(finished):
    folder, _, history = finished
    best = int(np.argmin(history["val_mean_absolute_error"]))
    assert json.loads((folder / "config.json").read_text())["best"] == {
        "name": "val_mean_absolute_error",
        "mode": "min",
        "value": history["val_mean_absolute_error"][best],
        "epoch": best + 1,
        "step": 4 * (best + 1),
        "examples_seen": 64 * (best + 1),
    }


def test_the_trainer_has_the_weights(finished):
    folder, trained, _ = finished
    assert_same(trained.run.best.weights, saved_model.load(folder, False, "best").get_weights())
    assert_same(trained.model.get_weights(), saved_model.load(folder, False).get_weights())


def test_a_finished_run_goes_on_from_its_best(finished, tmp_path):
    folder, *_ = finished
    shutil.copytree(folder, tmp_path / "run")
    longer = run(made("plain"), [], tmp_path / "run", epochs=5, keep_best="val_mean_absolute_error")
    assert len(longer["val_loss"]) == 5
    best = json.loads((tmp_path / "run" / "config.json").read_text())["best"]
    assert best["epoch"] == int(np.argmin(longer["val_mean_absolute_error"])) + 1


def test_another_keep_best_is_another_run(finished):
    with pytest.raises(RequestError, match="by its keep_best: min val_mean_absolute_error then, min val_loss now"):
        run(made("plain"), [], finished[0], epochs=5, keep_best="val_loss")


# Resuming


@pytest.mark.parametrize("kind", ["plain", "average of a callback"])
def test_a_run_that_was_broken_off_keeps_the_same_best(kind, tmp_path):
    crashes = ({"epoch": 1}, {"step": 10})
    arguments = dict(crashes=crashes, keep_best="val_loss", test=data(20), keep=1)
    assert_resumes_exactly(lambda: made(kind), lambda: callbacks(kind), tmp_path, **arguments)
    models = [saved_model.load(tmp_path / name, False, "best") for name in ("whole", "broken")]
    assert_same(models[0].get_weights(), models[1].get_weights())
    configs = [json.loads((tmp_path / name / "config.json").read_text()) for name in ("whole", "broken")]
    assert configs[0]["best"] == configs[1]["best"]


def test_a_damaged_checkpoint_is_passed_over_with_its_best(tmp_path):
    whole = run(made("plain"), [], tmp_path / "whole", keep_best="val_loss")
    with pytest.raises(ZeroDivisionError):
        run(made("plain"), [Crash(epoch=3)], tmp_path / "broken", keep_best="val_loss")
    newest = sorted((tmp_path / "broken" / "checkpoints").glob("*.ckpt"))[-1]
    newest.write_bytes(newest.read_bytes()[:-100])
    assert run(made("plain"), [Crash()], tmp_path / "broken", keep_best="val_loss") == whole
    models = [saved_model.load(tmp_path / name, False, "best") for name in ("whole", "broken")]
    assert_same(models[0].get_weights(), models[1].get_weights())


def test_it_comes_back_with_the_state():
    model, best, other = network(), Best("val_loss", "min"), Best("val_loss", "min")
    best.look(0, {"val_loss": 1.0}, model, Progress(step=3, examples_seen=48))
    other.set_state(json.loads(json.dumps(best.state() | {"weights": []})) | {"weights": best.weights})
    other.look(1, {"val_loss": 1.0}, model, Progress())
    assert other.summary() == best.summary()


# Which is the best


@pytest.mark.parametrize(
    ("mode", "values", "best"),
    [
        ("min", [2.0, 1.0, 1.0, 3.0], 1),
        ("max", [2.0, 3.0, 3.0, 1.0], 1),
        ("min", [float("nan"), 2.0, float("nan"), float("-inf")], 1),
        ("max", [float("inf"), 2.0, float("nan")], 1),
        ("min", [float("nan"), float("inf")], None),
    ],
)
def test_the_first_of_equal_values_and_none_that_is_not_finite(mode, values, best):
    kept, model = Best("val_x", mode), network()
    for epoch, value in enumerate(values):
        kept.look(epoch, {"val_x": value}, model, Progress())
    assert kept.epoch == best


def not_a_number(y_true, y_pred):
    return keras.ops.mean(y_pred, axis=-1) * float("nan")


def test_without_any_finite_value_the_last_model_is_tested(tmp_path, caplog):
    trained = trainer(metrics=[not_a_number])
    keep = {"name": "val_not_a_number", "mode": "max"}
    history = run(trained, [], tmp_path, epochs=1, test=data(20), keep_best=keep)
    assert "no epoch had a finite val_not_a_number: there is no best model" in caplog.text
    assert not (tmp_path / "best.keras").exists()
    assert history["test_loss"] == [pytest.approx(evaluated(tmp_path, "last", data(20))["loss"], rel=1e-5)]


def mine(y_true, y_pred):
    return keras.ops.mean(y_pred, axis=-1)


@pytest.mark.parametrize(
    ("keep_best", "best"),
    [
        ("val_loss", ("val_loss", "min")),
        ("loss", ("loss", "min")),
        ("val_mean_absolute_error", ("val_mean_absolute_error", "min")),
        ({"name": "val_mine", "mode": "max"}, ("val_mine", "max")),
        ({"name": "val_loss", "mode": "max"}, ("val_loss", "max")),
    ],
)
def test_the_direction_is_that_of_the_metric_or_said(keep_best, best):
    trained = trainer(metrics=["mean_absolute_error", mine])
    run(trained, [], epochs=0.25, keep_best=keep_best)
    assert (trained.run.best.name, trained.run.best.mode) == best


@pytest.mark.parametrize(
    ("keep_best", "arguments", "sentence"),
    [
        (
            "val_mine",
            {},
            "does not know whether 'val_mine' is better when it falls or when it rises: say which",
        ),
        ("val_los", {}, "there is no value to keep the best by called 'val_los'; did you mean 'val_loss'"),
        ("val_loss", {"validation": None}, "keep_best='val_loss' needs validation, and the run has none"),
        ("test_loss", {}, "there is no value to keep the best by called 'test_loss'"),
        ({"name": "val_loss", "mode": "mni"}, {}, "there is no mode of keep_best 'mni'; did you mean 'min'"),
        ({"nmae": "val_loss"}, {}, "there is no argument of keep_best called 'nmae'; did you mean 'name'"),
        ({"mode": "min"}, {}, "keep_best must be a name, such as 'val_accuracy', or a dict with one, not"),
        (3, {}, "keep_best must be a name, such as 'val_accuracy', or a dict with one, not 3"),
        ("val_r2", {}, "keep_best='val_r2' is no single number"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(keep_best, arguments, sentence, tmp_path):
    r2 = keras.metrics.R2Score(class_aggregation=None, name="r2")
    with pytest.raises(RequestError, match=sentence):
        run(trainer(metrics=[mine, r2]), [], tmp_path / "run", keep_best=keep_best, **arguments)
    assert not (tmp_path / "run").exists()

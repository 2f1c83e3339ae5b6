"""`tf-tricks runs`: which runs it finds, what it says of them, and what it passes over."""

import csv
import io
import json
import math
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
from support.sentences import TINY, assert_sentence
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

import tf_tricks as tt

X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")


def line(split, epoch, **results):
    return json.dumps({"split": split, "step": 1, "epoch": epoch, "examples_seen": 1, **results, "wall_time": 0.0})


def log(*losses, test=None):
    """A log with a validation of each of the losses; the accuracy is 1 − loss."""
    lines = [line("train", 0.5, loss=9.0)]
    for epoch, loss in enumerate(losses):
        accuracy = None if loss is None else 1 - loss
        lines.append(line("validation", epoch + 1.0, loss=loss, accuracy=accuracy))
    return lines + ([] if test is None else [line("test", len(losses) * 1.0, loss=test)])


def write(folder, lines=(), finished=2.0, of_config=True, fingerprint=(), directions=(), **settings):
    """Writes a run as far as its table needs it."""
    folder.mkdir(parents=True)
    config = dict(data={"name": "digits"}, model={"name": "mlp"}, epochs=2.0) | settings if of_config else settings
    content = {"config": config, "fingerprint": {"epochs": 2.0, **dict(fingerprint)}, "run_id": "1"}
    content |= {"finished_epochs": finished} if finished else {}
    content |= {"directions": dict(directions)} if directions else {}
    (folder / "config.json").write_text(json.dumps(content))
    if lines:
        (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture
def table(tf_tricks, tmp_path):
    """A function of arguments that returns the rows of `tf-tricks runs` on tmp_path/runs, from its CSV."""

    def rows(*arguments, folders=None):
        outcome = tf_tricks("runs", *(folders or [tmp_path / "runs"]), f"--output={tmp_path / 'table.csv'}", *arguments)
        assert outcome.status == 0, outcome.err
        return list(csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text())))

    return rows


def names(rows):
    return [row["name"] for row in rows]


# Which runs


def test_runs_are_found_at_any_depth(table, tmp_path):
    for name in ("a", "sweep/b", "sweep/deep/er/c"):
        write(tmp_path / "runs" / name)
    assert names(table()) == ["a", "sweep/b", "sweep/deep/er/c"]


def test_a_runs_own_folder(table, tmp_path):
    write(tmp_path / "runs" / "a")
    assert names(table(folders=[tmp_path / "runs" / "a"])) == ["a"]


def test_names_are_relative_to_what_the_folders_share(table, tmp_path):
    for name in ("first/a", "second/a"):
        write(tmp_path / "runs" / name)
    folders = [tmp_path / "runs" / "first", tmp_path / "runs" / "second" / "a", tmp_path / "runs" / "second"]
    assert names(table(folders=folders)) == ["first/a", "second/a"]


def test_links_in_a_circle_end(table, tmp_path):
    write(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "a" / "again").symlink_to(tmp_path / "runs")
    assert names(table()) == ["a"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"model_type": "bert"}', '{"config": 3, "fingerprint": {}}', '{"fingerprint": 3}']
)
def test_what_is_no_run_is_named_and_passed_over(tf_tricks, tmp_path, content):
    write(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "other").mkdir()
    (tmp_path / "runs" / "other" / "config.json").write_text(content)
    outcome = tf_tricks("runs", tmp_path / "runs")
    assert outcome.err == f"passed over, config.json is damaged or of something else: {tmp_path / 'runs' / 'other'}\n"
    assert [row.split()[0] for row in outcome.out.splitlines()] == ["name", "a"]


def test_many_that_are_no_runs_fit_a_line(tf_tricks, tmp_path):
    write(tmp_path / "runs" / "a")
    for i in range(12):
        (tmp_path / "runs" / f"b{i:02}").mkdir()
        (tmp_path / "runs" / f"b{i:02}" / "config.json").write_text("{}")
    outcome = tf_tricks("runs", tmp_path / "runs")
    assert outcome.err.count("\n") == 1
    assert outcome.err.endswith("b09 and 2 more\n")


# Logs


def test_the_last_and_the_best_of_the_validation(table, tmp_path):
    write(tmp_path / "runs" / "a", log(0.5, 0.25, 0.375, test=0.75))
    (row,) = table()
    assert (row["val_loss"], row["best_val_loss"]) == ("0.375", "0.25")
    assert (row["val_accuracy"], row["best_val_accuracy"]) == ("0.625", "0.75")
    assert (row["test_loss"], row["epochs_trained"], row["finished"]) == ("0.75", "3.0", "True")


@pytest.mark.parametrize(("direction", "best"), [("up", "0.5"), ("down", "0.25"), (None, None)])
def test_the_best_of_a_metric_is_what_the_run_says(table, tmp_path, direction, best):
    lines = [line("validation", epoch, loss=1.0, left_mine=value) for epoch, value in ((1, 0.5), (2, 0.25), (3, 0.375))]
    write(tmp_path / "runs" / "a", lines, directions={"mine": direction} if direction else {})
    assert table()[0].get("best_val_left_mine") == best


def test_a_run_that_diverged(table, tmp_path):
    write(tmp_path / "runs" / "a", log(0.5, None))
    (row,) = table()
    assert (row["val_loss"], row["best_val_loss"]) == ("nan", "0.5")


@pytest.mark.parametrize("size", ["missing", 0, 5, -30])
def test_a_log_that_is_cut_short(table, tmp_path, size):
    write(tmp_path / "runs" / "a", log(0.5, 0.25), finished=None)
    path = tmp_path / "runs" / "a" / "metrics.jsonl"
    if size == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:size])
    (row,) = table()
    last = "0.5" if size == -30 else None
    assert (row.get("val_loss"), row["finished"], row["epochs_trained"]) == (last, "False", "1.0" if last else "0.0")


def test_a_run_that_goes_on_is_not_finished(table, tmp_path):
    write(tmp_path / "runs" / "a", log(0.5), epochs=4.0, finished=2.0)
    assert table()[0]["finished"] == "False"


# Settings


def test_only_settings_that_differ_are_columns(table, tmp_path):
    write(tmp_path / "runs" / "a", learning_rate={"name": "cosine_decay", "initial": 0.1}, l2=0.5)
    write(tmp_path / "runs" / "b", learning_rate={"name": "cosine_decay", "initial": 0.2}, l2=0.5, clip_norm=1.0)
    rows = table()
    assert list(rows[0]) == ["name", "learning_rate.initial", "clip_norm", "epochs_trained", "finished"]
    assert [row["learning_rate.initial"] for row in rows] == ["0.1", "0.2"]
    assert [row["clip_norm"] for row in rows] == ["", "1.0"]


def test_what_an_older_run_does_not_say_is_the_default(table, tmp_path):
    write(tmp_path / "runs" / "a")
    write(tmp_path / "runs" / "b", keep=3, exclude_from_weight_decay=["bias$", "gamma$", "beta$"])
    assert list(table()[0]) == ["name", "epochs_trained", "finished"]


def test_runs_of_both_kinds(table, tmp_path):
    write(tmp_path / "runs" / "a", optimizer={"name": "lars"}, batch_size=8)
    write(tmp_path / "runs" / "b", of_config=False, **{"optimizer.name": "Adam", "batch_size": 8, "mine": 1})
    write(tmp_path / "runs" / "c", of_config=False, **{"optimizer.name": "Adam", "batch_size": 8, "mine": 2})
    assert list(table()[0]) == ["name", "optimizer.name", "mine", "epochs_trained", "finished"]


def test_a_setting_with_the_name_of_a_column(table, tmp_path):
    for i in (1, 2):
        write(tmp_path / "runs" / f"r{i}", of_config=False, name=f"n{i}")
    assert [(row["name"], row["settings.name"]) for row in table()] == [("r1", "n1"), ("r2", "n2")]


@pytest.fixture(scope="module")
def real_runs(tmp_path_factory):
    """A folder for a run of `tf-tricks train` and one of `Trainer.fit`."""
    return tmp_path_factory.mktemp("real") / "runs"


def test_real_runs_are_read_as_they_were_written(tf_tricks, table, real_runs):
    assert tf_tricks("train", *TINY, f"--workdir={real_runs / 'config'}").status == 0
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    trainer = tt.Trainer(model, metrics=[keras.metrics.SparseTopKCategoricalAccuracy(1, name="top"), "accuracy"])
    data = X, (X[:, 0] > 0).astype("int32")
    history = trainer.fit(data, 2, validation=data, test=data, workdir=real_runs / "python", verbose=0).history
    config, python = table(folders=[real_runs])
    assert (config["optimizer.name"], python["optimizer.name"]) == ("momentum", "Momentum")
    assert (config["finished"], python["finished"]) == ("True", "True")
    for metric, best in (("loss", min), ("top", max), ("accuracy", max)):
        values = history[f"val_{metric}"]
        assert (float(python[f"val_{metric}"]), float(python[f"best_val_{metric}"])) == (values[-1], best(values))
        assert float(python[f"test_{metric}"]) == history[f"test_{metric}"][0]


# Groups


def test_groups_have_the_mean_and_the_deviation(table, tmp_path):
    losses = {"a": [0.5, 0.25, 0.125], "b": [0.75]}
    for name, values in losses.items():
        for seed, loss in enumerate(values):
            write(tmp_path / "runs" / f"{name}-s{seed}", log(loss, test=loss), seed=seed, l2=len(values))
    a, b = table("--group")
    assert (a["name"], a["l2"], a["n"], a["unfinished"]) == ("a-s*", "3", "3", "0")
    assert float(a["test_loss"]) == np.mean(losses["a"])
    assert float(a["test_loss_std"]) == pytest.approx(np.std(losses["a"], ddof=1), rel=1e-12)
    assert (b["name"], b["n"], b["test_loss"], b["test_loss_std"]) == ("b-s0", "1", "0.75", "")


def test_a_group_is_of_finished_runs(table, tmp_path):
    write(tmp_path / "runs" / "s0", log(0.5), seed=0)
    write(tmp_path / "runs" / "s1", log(9.0), seed=1, finished=None)
    (row,) = table("--group")
    assert (row["n"], row["unfinished"], row["val_loss"]) == ("1", "1", "0.5")


def test_a_result_that_one_of_the_runs_lacks_has_no_mean(table, tmp_path):
    write(tmp_path / "runs" / "s0", log(0.5, test=0.5), seed=0)
    write(tmp_path / "runs" / "s1", log(0.25), seed=1)
    (row,) = table("--group")
    assert (row["val_loss"], row["test_loss"]) == ("0.375", "")


def test_a_run_that_diverged_is_not_averaged_away(table, tmp_path):
    write(tmp_path / "runs" / "s0", log(0.5), seed=0)
    write(tmp_path / "runs" / "s1", log(None), seed=1)
    assert math.isnan(float(table("--group")[0]["val_loss"]))


def test_runs_of_python_are_grouped_by_all_that_is_known_of_them(table, tmp_path):
    for name, model, seed in (("a0", "m", 0), ("a1", "m", 1), ("b0", "n", 0)):
        write(tmp_path / "runs" / name, of_config=False, fingerprint={"model": model, "seed": seed}, batch_size=8)
    assert [(row["name"], row["n"]) for row in table("--group")] == [("a*", "2"), ("b0", "1")]


def test_groups_as_text(tf_tricks, tmp_path):
    for seed, loss in enumerate((0.5, 0.25)):
        write(tmp_path / "runs" / f"s{seed}", [line("test", 1.0, loss=loss)], seed=seed)
    assert tf_tricks("runs", tmp_path / "runs", "--group").out == (
        "name  n  unfinished     test_loss\n"  #
        "s*    2           0  0.375 ± 0.18\n"
    )


# Output


def test_the_table_as_text(tf_tricks, tmp_path):
    write(tmp_path / "runs" / "a", log(0.25), batch_size=8, loss="huber")
    write(tmp_path / "runs" / "longer", finished=None, batch_size=128, augment=["flip"])
    outcome = tf_tricks("runs", tmp_path / "runs")
    assert outcome.err == ""
    columns = "name    batch_size  loss   augment   epochs_trained  finished  val_loss  best_val_loss"
    assert outcome.out == (
        f"{columns}  val_accuracy  best_val_accuracy\n"
        "a                8  huber                         1  yes           0.25           0.25"
        "          0.75               0.75\n"
        'longer         128         ["flip"]               0  no\n'
    )


def test_the_csv_has_all_digits(table, tmp_path):
    write(tmp_path / "runs" / "a", log(1 / 3))
    assert float(table()[0]["val_loss"]) == 1 / 3


@pytest.mark.parametrize(
    ("by", "order"),
    [
        ("name", ["r1", "r2", "r10"]),
        ("val_loss", ["r10", "r1", "r2"]),
        ("-val_loss", ["r1", "r10", "r2"]),
        ("l2", ["r2", "r10", "r1"]),
    ],
)
def test_the_order(table, tmp_path, by, order):
    for name, lines, l2 in (("r1", log(0.5), 3.0), ("r2", (), 1.0), ("r10", log(0.25), 2.0)):
        write(tmp_path / "runs" / name, lines, l2=l2)
    assert names(table(f"--sort={by}")) == order


def test_the_hparams_page_has_all_runs(tf_tricks, tmp_path):
    write(tmp_path / "runs" / "a", log(0.25), batch_size=8, l2=0.0)
    write(tmp_path / "runs" / "deep" / "b", log(0.5), batch_size={"name": "grow"}, l2=0.5, finished=None)
    outcome = tf_tricks("runs", tmp_path / "runs", f"--hparams={tmp_path / 'page'}")
    assert outcome.status == 0, outcome.err
    assert f"tensorboard --logdir {tmp_path / 'page'}" in outcome.out
    groups = session_groups(tmp_path / "page")
    assert set(groups) == {"a", "deep/b"}
    a, b = groups["a"], groups["deep/b"]
    assert (a.hparams["l2"].number_value, b.hparams["l2"].number_value) == (0.0, 0.5)
    assert (a.hparams["batch_size"].number_value, b.hparams["batch_size.name"].string_value) == (8.0, "grow")
    assert {value.name.tag: value.value for value in b.metric_values} == {
        "val_loss": 0.5,
        "best_val_loss": 0.5,
        "val_accuracy": 0.5,
        "best_val_accuracy": 0.5,
    }
    assert [group.sessions[0].status for group in (a, b)] == [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_UNKNOWN]


def session_groups(folder):
    """What TensorBoard's HParams page reads from a folder: a dict of name to group."""
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(folder)).Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    everything = api_pb2.ListSessionGroupsRequest(slice_size=100, allowed_statuses=[0, 1, 2, 3], include_metrics=True)
    found = list_session_groups.Handler(RequestContext(), context, "", everything).run()
    return {group.name: group for group in found.session_groups}


# Requests


@pytest.mark.parametrize(
    ("arguments", "pattern"),
    [
        ([], "say where the runs are"),
        (["{}/nowhere"], "there is no folder '.*/nowhere'"),
        (["{}/empty"], "there are no runs in .*/empty"),
        (["{}/runs", "--sort=vall_loss"], "there is no column 'vall_loss'; did you mean 'val_loss'"),
        (["{}/runs", "--output=table.txt"], "the table must be a .csv file"),
        (["{}/runs", "--hparams={}/runs"], "the folder of --hparams must be new"),
        (["{}/runs", "--grup"], "Unknown command line flag 'grup'"),
    ],
)
def test_a_request_that_cannot_be_used(tf_tricks, tmp_path, arguments, pattern):
    write(tmp_path / "runs" / "a", log(0.5))
    (tmp_path / "empty").mkdir()
    outcome = tf_tricks("runs", *(argument.format(tmp_path) for argument in arguments))
    assert_sentence(outcome, 2, pattern)
    assert outcome.out == ""


def test_flags_may_stand_anywhere(tf_tricks, tmp_path):
    for name in ("a", "b"):
        write(tmp_path / name, log(0.5))
    assert len(tf_tricks("runs", tmp_path / "a", "--sort=-name", tmp_path / "b").out.splitlines()) == 3


def test_a_thousand_runs_take_seconds_and_no_tensorflow(tmp_path):
    lines = [line("train", 0.5, loss=1.0)] * 100 + log(*[0.5] * 30, test=0.5)
    for i in range(1000):
        write(tmp_path / "runs" / f"r{i}", lines, seed=i % 5, l2=float(i // 5))
    program = (
        "import sys; from tf_tricks import cli\n"
        f"status = cli.main(['runs', {str(tmp_path / 'runs')!r}])\n"
        "assert not {'tensorflow', 'keras', 'tensorboard'} & set(sys.modules)\n"
        "sys.exit(status)"
    )
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1001
    assert time.monotonic() - began < 15  # 2 s on an idle machine


def test_remote_folders(tf_tricks, tmp_path, memory):
    write(tmp_path / "a", log(0.5))
    for name in ("config.json", "metrics.jsonl"):
        (memory / "runs" / "a" / name).upload(tmp_path / "a" / name)
    outcome = tf_tricks("runs", "memory://bucket/runs")
    assert outcome.out.splitlines()[1].split()[:3] == ["a", "1", "yes"]

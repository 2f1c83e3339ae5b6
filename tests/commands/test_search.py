"""`tf-tricks search`: its trials and what it leaves."""

import json
import random
import re
import subprocess
import sys
import time

import pytest
from etils import epath
from sqlalchemy.exc import DBAPIError
from support.forked import Forked
from support.searches import SPACE, arguments, rows
from support.sentences import assert_sentence, contents
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tf_tricks import cli
from tf_tricks.commands import found_runs
from tf_tricks.search.ledger import Claim
from tf_tricks.search.storage import open_storage


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The folder and the output of a search of five trials."""
    folder = tmp_path_factory.mktemp("searched")
    process = Forked(cli.main, [arguments(folder, trials=5)], folder / "printed.txt")
    printed = process.join()
    assert process.status == 0, printed
    return folder, printed


def test_what_it_prints(searched):
    folder, printed = searched
    lines = [line for line in printed.splitlines() if not line.startswith(("I0000", "WARNING"))]
    assert lines[0].startswith(
        "4 coarse trials of 1 epoch, then 1 fine trial of 2 epochs, for the highest val_accuracy"
    )
    assert [re.match(r"trial (\d) +val_accuracy 0\.\d{4} +best", line)[1] for line in lines[1:6]] == list("01234")
    assert lines[6].startswith("best: trial 4, val_accuracy 0.")
    assert f"tf-tricks train --config={folder / 'search' / 'best.py'}" in lines[7]


def test_each_trial_is_an_ordinary_run(searched, tf_tricks):
    folder, _ = searched
    runs, foreign = found_runs.find([str(folder / "search" / "trials")])
    assert foreign == []
    assert [run.name for run in runs] == [f"{i:04d}" for i in range(5)]
    assert all(run.finished for run in runs)
    for row, run in zip(rows(folder), runs, strict=True):
        assert float(row["value"]) == pytest.approx(run.results["val_accuracy"])
        assert float(row["learning_rate.schedule.initial"]) == run.settings["learning_rate.schedule.initial"]
        assert int(row["batch_size"]) == run.settings["batch_size"]
        assert not any(name.startswith("test") for name in run.results)  # the test set is touched by nobody
    outcome = tf_tricks("evaluate", f"--workdir={runs[0].folder}", "--split=validation")
    assert outcome.status == 0
    assert f"{runs[0].results['val_accuracy']:.4f}" in outcome.out


def test_the_best_config_is_trained_as_it_is(searched, tf_tricks, tmp_path):
    folder, _ = searched
    best = f"--config={folder / 'search' / 'best.py'}"
    outcome = tf_tricks("train", best, f"--workdir={tmp_path / 'best'}", "--config.epochs=2")
    assert outcome.status == 0, outcome.err
    kept = json.loads((tmp_path / "best" / "config.json").read_text())["config"]
    last = rows(folder)[4]
    assert kept["learning_rate"]["schedule"]["initial"] == float(last["learning_rate.schedule.initial"])
    trained = [json.loads(line) for line in (tmp_path / "best" / "metrics.jsonl").read_text().splitlines()]
    validation = [line["accuracy"] for line in trained if line["split"] == "validation"]
    assert validation[-1] == pytest.approx(float(last["value"]))  # it is the trial's run, bit for bit


def test_its_page_and_hparams(searched):
    folder, _ = searched
    page = (folder / "search" / "report.html").read_text()
    assert all(f"trials/{i:04d}" in page or f">{i}<" in page for i in range(5))
    assert sorted(path.name for path in (folder / "search" / "pictures").iterdir())
    events = [path for path in (folder / "search" / "hparams").rglob("events*")]
    tags = {
        value.tag for path in events for event in EventFileLoader(str(path)).Load() for value in event.summary.value
    }
    assert "_hparams_/session_start_info" in tags


def test_the_same_command_again_trains_nothing(searched, tf_tricks, monkeypatch):
    folder, printed = searched
    before = contents(folder / "search" / "trials")
    outcome = tf_tricks(*arguments(folder, trials=5))
    assert outcome.status == 0, outcome.err
    assert contents(folder / "search" / "trials") == before
    assert outcome.out.splitlines()[-2:] == printed.splitlines()[-2:]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("--sampler=tpe", r"another one by its sampler: 'random' then, 'tpe' now; choose another workdir"),
        ("--config.l2=0.5", r"another one by its config\.l2: 0\.0001 then, 0\.5 now"),
        ("--trials=6", "another one by its trials: 5 then, 6 now"),
        ("--metric=val_loss", "another one by its metric"),
    ],
)
def test_another_search_in_its_folder(searched, tf_tricks, change, sentence):
    folder, _ = searched
    before = contents(folder / "search")
    assert_sentence(tf_tricks(*arguments(folder, change, trials=5)), 2, sentence)
    assert contents(folder / "search") == before


def work(folder, number):
    """A search in a process of its own."""
    return cli.main(arguments(folder, "--coarse_epochs=4", "--fine_epochs=8", trials=8))


@pytest.mark.slow
def test_ten_kills_of_two_workers_change_nothing(tmp_path):
    calm = tmp_path / "calm"
    alone = Forked(work, [calm, 0], tmp_path / "calm.txt")
    alone.join()
    assert alone.status == 0, alone.text()
    choose, folder = random.Random(0), tmp_path / "killed"
    workers = [Forked(work, [folder, i], tmp_path / f"{i}.txt") for i in range(2)]

    def checkpoints():
        return {path for path in (folder / "search" / "trials").glob("*/checkpoints/*.ckpt")}

    for kill in range(10):
        before, end, which = checkpoints(), time.monotonic() + choose.uniform(0.0, 1.0), kill % 2
        # Each has come further since the last kill: a trial that is killed five times before that has failed.
        workers[which].wait_for(lambda: checkpoints() - before and time.monotonic() > end)  # noqa: B023
        workers[which].kill()
        workers[which] = Forked(work, [folder, kill + 2], tmp_path / f"{kill + 2}.txt")
    for worker in workers:
        printed = worker.join()
        assert worker.status == 0, printed
    assert [without_time(row) for row in rows(folder)] == [without_time(row) for row in rows(calm)]
    best, wanted = ((place / "search" / "best.py").read_text() for place in (folder, calm))
    assert best == wanted.replace(str(calm), str(folder))


def without_time(row):
    return {key: value for key, value in row.items() if key != "seconds"}


@pytest.mark.slow
def test_jobs_share_a_search(tmp_path):
    program = [sys.executable, "-m", "tf_tricks.cli", *arguments(tmp_path, "--jobs=2", trials=4)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert sorted(re.findall(r"^trial (\d)", done.stdout, re.MULTILINE)) == list("0123")
    assert [row["outcome"] for row in rows(tmp_path)] == ["complete"] * 4


def test_seeds_samplers_and_pruners(tf_tricks, tmp_path):
    more = ["--seeds=2", "--sampler=tpe", "--pruner=hyperband", "--coarse_share=1", "--metric=val_loss", "--seed=3"]
    outcome = tf_tricks(*arguments(tmp_path, *more, "--storage=sqlite:///" + str(tmp_path / "study.db"), trials=3))
    assert outcome.status == 0, outcome.err
    found = rows(tmp_path)
    assert len(found) == 3
    complete = [row for row in found if row["outcome"] == "complete"]
    assert complete
    for row in complete:
        assert float(row["value"]) == pytest.approx((float(row["value_1"]) + float(row["value_2"])) / 2)
    assert (tmp_path / "search" / "trials" / "0000" / "seed1" / "model.keras").exists()
    assert not (tmp_path / "search" / "study.journal").exists()


def test_a_trial_that_diverges_is_a_row(tf_tricks, tmp_path):
    space = SPACE + "{'learning_rate': choice(0.01, 1e30)}\n"
    more = ["--config.learning_rate=0.1", "--coarse_share=1", "--sampler=grid"]
    outcome = tf_tricks(*arguments(tmp_path, *more, space=space, trials=2))
    assert outcome.status == 0, outcome.err
    found = {row["learning_rate"]: row["outcome"] for row in rows(tmp_path)}
    assert found == {"0.01": "complete", "1e+30": "diverged"}
    assert "the run has diverged" in (tmp_path / "search" / "report.html").read_text()


def test_a_space_that_no_trial_can_have(tf_tricks, tmp_path):
    space = SPACE + "{'batch_size': integers(10**6, 10**7)}\n"
    outcome = tf_tricks(*arguments(tmp_path, "--coarse_share=1", space=space, trials=6))
    assert_sentence(outcome, 1, "each of 3 trials was refused, the last because .*batch")


def test_a_search_in_which_all_diverges(tf_tricks, tmp_path):
    space = SPACE + "{'learning_rate': log_uniform(1e20, 1e30)}\n"
    more = ["--config.learning_rate=0.1", "--coarse_share=1"]
    outcome = tf_tricks(*arguments(tmp_path, *more, space=space, trials=2))
    assert_sentence(outcome, 1, r"no trial has come to its end: .*trials\.csv says why")
    assert [(row["value"], row["epochs_trained"]) for row in rows(tmp_path)] == [("", "0")] * 2
    assert "best.py" not in (tmp_path / "search" / "report.html").read_text()


def test_a_study_of_another_folder(searched, tf_tricks, tmp_path):
    folder, _ = searched
    storage = f"--storage={folder / 'search' / 'study.journal'}"
    open_storage(str(folder / "search" / "study.journal"), epath.Path(folder))
    outcome = tf_tricks(*arguments(tmp_path, storage, trials=5))
    assert_sentence(outcome, 2, "has a study 'search' of a search in another folder: all processes of a search share")
    assert not (tmp_path / "search").exists()


def test_a_storage_that_is_lost_on_the_way(tf_tricks, tmp_path, monkeypatch):
    def lose(*_, **__):
        raise DBAPIError("UPDATE trials", {}, OSError("server closed the connection"))

    monkeypatch.setattr(Claim, "end", lose)
    outcome = tf_tricks(*arguments(tmp_path, "--coarse_share=1", trials=1))
    assert_sentence(outcome, 1, "the storage of the trials cannot be reached any more: .*the same command goes on")

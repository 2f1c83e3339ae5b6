"""`tf-tricks ablate`: its runs, what it leaves, how it goes on, and what it refuses."""

import json
import re
import signal

import pytest
from etils import epath
from support.forked import Forked
from support.sentences import DIGITS, MLP, assert_sentence

from tf_tricks import cli
from tf_tricks.commands import found_runs, train

TRICKS = "--tricks=l2=0.01,warm_up"
RUNS = [f"{name}-seed{seed}" for seed in (7, 8) for name in ("full", "bare", "without-l2=0.01", "without-warm_up")]


def arguments(folder, *more):
    given = ["ablate", DIGITS, MLP, "--config.augment=None", "--config.epochs=2", "--config.seed=7"]
    given += [TRICKS, "--seeds=2", f"--workdir={folder / 'ablation'}"]
    return [one for one in given if one.split("=")[0] not in [other.split("=")[0] for other in more]] + list(more)


def without_times(folder):
    """What ablation.json says, but for how long it took."""

    def left(part):
        if isinstance(part, dict):
            return {key: left(value) for key, value in part.items() if "time" not in key and "seconds" not in key}
        return [left(one) for one in part] if isinstance(part, list) else part

    return left(json.loads((folder / "ablation" / "ablation.json").read_text()))


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """The folder and the output of an ablation of two tricks."""
    folder = tmp_path_factory.mktemp("compared")
    process = Forked(cli.main, [arguments(folder)], folder / "printed.txt")
    printed = process.join()
    assert process.status == 0, printed
    return folder, printed


def test_what_it_prints(compared):
    folder, printed = compared
    lines = [line for line in printed.splitlines() if not re.match("[IWE]0000|WARNING", line)]
    assert lines[0] == "4 configs with 2 seeds each, 2 epochs a run, for the highest val_accuracy"
    assert [line.split()[1] for line in lines[1:9]] == [f"{i}/8" for i in range(1, 9)]
    assert re.match(r"run 1/8  full, seed 7  val_accuracy 0\.\d{4}  0\.\d\d s an epoch", lines[1])
    assert [line.split()[0] for line in lines[10:13]] == ["trick", "l2=0.01", "warm_up"]
    assert lines[-1] == f"see {folder / 'ablation' / 'ablation.html'}"


def test_each_run_is_an_ordinary_run(compared):
    folder, _ = compared
    runs, foreign = found_runs.find([str(folder / "ablation" / "runs")])
    assert foreign == []
    assert sorted(run.name for run in runs) == sorted(RUNS)
    content = json.loads((folder / "ablation" / "ablation.json").read_text())
    values = {run["folder"]: run["value"] for arm in content["arms"] for run in arm["runs"]}
    for run in runs:
        assert run.finished
        assert run.results["val_accuracy"] == pytest.approx(values[f"runs/{run.name}"])
        assert not any(name.startswith("test") for name in run.results)  # the test set is touched by nobody
        assert run.settings["seed"] == int(run.name[-1])


def test_its_differences_are_those_of_the_same_configs_trained_alone(compared, tmp_path):
    folder, _ = compared
    content = json.loads((folder / "ablation" / "ablation.json").read_text())
    configs = {arm["name"]: arm["config"] for arm in content["arms"]}
    assert configs["full"]["l2"] == configs["only l2=0.01"]["l2"] == 0.01
    assert configs["bare"]["l2"] == 0.0
    assert configs["full"]["learning_rate"] == configs["only warm_up"]["learning_rate"]
    assert configs["without warm_up"]["learning_rate"] == configs["full"]["learning_rate"]["schedule"]
    values = {}
    for name in ("full", "without warm_up"):
        train.train(configs[name] | {"seed": 8}, epath.Path(tmp_path / name), device="cpu")
        lines = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        values[name] = [line["accuracy"] for line in lines if line["split"] == "validation"][-1]
    warm_up = next(trick for trick in content["tricks"] if trick["name"] == "warm_up")
    assert warm_up["removed"]["differences"]["8"] == values["full"] - values["without warm_up"]
    found = warm_up["removed"]["differences"]
    assert warm_up["removed"]["mean"] == pytest.approx((found["7"] + found["8"]) / 2)


def test_killed_over_and_over_it_ends_the_same(compared, tmp_path):
    """Killed in the middle of its first run, between two runs, and with a run trained that is not noted."""
    before, _ = compared
    folder = tmp_path / "ablation"
    moments = [
        lambda: any((folder / "runs" / "full-seed7" / "checkpoints").glob("*.ckpt")),
        lambda: (folder / "results" / "without-l2=0.01-seed7.json").exists(),
    ]
    for moment in moments:
        process = Forked(cli.main, [arguments(tmp_path)], tmp_path / "printed.txt")
        process.wait_for(moment)
        process.kill()
        assert process.status == -signal.SIGKILL
    (folder / "results" / "full-seed7.json").unlink()  # as if it had been killed before it noted that
    ended = [path.name for path in (folder / "results").glob("*.json")]
    process = Forked(cli.main, [arguments(tmp_path)], tmp_path / "printed.txt")
    printed = process.join()
    assert process.status == 0, printed
    assert len(re.findall(r"^run \d", printed, re.MULTILINE)) == 8 - len(ended)
    assert without_times(tmp_path) == without_times(before)


@pytest.mark.parametrize(
    ("arguments_", "pattern"),
    [
        (["--tricks="], r"say --tricks, as in --tricks=augment,warm_up"),
        (["--workdir="], r"say --workdir, as in --workdir=runs/ablation"),
        (["--tricks=augmnt"], r"there is no trick 'augmnt'; did you mean 'augment'\?"),
        (["--tricks=momentum_correction", "--config.optimizer=adam"], r"momentum and sgd, and the config's is 'adam'"),
        (["--seeds=0"], r"seeds must be an integer at least 1 and at most 1000, not 0"),
        (["--seeds=two"], r"flag --seeds=two"),
        (["--config.seed=4294967295"], r"there are no 2 seeds from 4294967295 on"),
        (["--metric=val_acuracy"], r"there is no metric of the validation called 'val_acuracy'; did you mean 'val_acc"),
        (["--direction=sideways"], r"there is no direction 'sideways' \(there are: down, up\)"),
        (["--config.data.validation_fraction=0"], r"runs are compared on validation data, and the config has none"),
        (["--tricks=warm_up=-1"], r"tf-tricks ablate: full: epochs must be a number at least 0, not -1"),
        (["--tricks=optimizer=adm"], r"full: there is no optimizer 'adm'; did you mean 'adam'\?"),
        (["--tricks=batch_size=4000"], r"full: a batch of 4000 is larger than the training set of 1294 examples"),
        (["--tricks=label_smoothing", "--config.loss=mean_squared_error"], r"label_smoothing is of cross-entropies"),
        (["--tricks=l2,model.depth=3"], r"there is no argument of the model 'mlp' called 'depth'"),
        (["--device=abacus"], r"device"),
    ],
)
def test_a_wrong_request(arguments_, pattern, refused, tmp_path):
    refused(pattern, *arguments(tmp_path, *arguments_))


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("config.json", "holds a run: choose a new or an empty folder for the ablation"),
        ("search.json", "holds something else than an ablation: choose a new or empty folder"),
    ],
)
def test_a_folder_of_something_else(file, pattern, refused, tmp_path):
    (tmp_path / "ablation").mkdir()
    (tmp_path / "ablation" / file).write_text("{}")
    refused(pattern, *arguments(tmp_path))


@pytest.mark.parametrize(
    ("more", "pattern"),
    [
        ("--tricks=l2=0.01", r"another one by its tricks: \['l2=0.01', 'warm_up'\] then, \['l2=0.01'\] now"),
        ("--config.epochs=3", r"another one by its config\.epochs: 2\.0 then, 3\.0 now"),
        ("--metric=val_loss", "another one by its metric: 'val_accuracy' then, 'val_loss' now"),
    ],
)
def test_a_folder_of_another_ablation(more, pattern, compared, tf_tricks):
    folder, _ = compared
    assert_sentence(tf_tricks(*arguments(folder, more)), 2, pattern)

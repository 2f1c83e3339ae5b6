"""best.py says the searched config with the best trial's values, and trains anywhere."""

import runpy
import subprocess
import sys

import pytest

import tf_tricks as tt
from tf_tricks import schedules, users_code
from tf_tricks.config import config_file, parts
from tf_tricks.config.config_keys import DEFAULTS
from tf_tricks.registry import forget
from tf_tricks.search.best_config import train_command, write_best
from tf_tricks.search.results import TrialResult
from tf_tricks.search.space import with_values

MINE = '''
import tf_tricks as tt


class Halved(tt.augment.Augmentation):
    """Half of each value."""

    def transform(self, batch, draws):
        return batch._replace(images=batch.images / 2)


def tenth(initial):
    return lambda epoch: initial / 10
'''


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def resolved(name="digits"):
    return parts.resolve(parts.plain(config_file.load(name)))


def trial(**params):
    params = {path.replace("__", "."): value for path, value in params.items()}
    return TrialResult(7, "fine", "complete", value=0.97, values=(0.96, 0.98), epochs=12.0, params=params)


def written(folder, config, result):
    write_best(folder / "best.py", config, result, "val_accuracy")
    return (folder / "best.py").read_text()


def longest_line(text):
    """Of the config; a command above it is in one line."""
    return max(map(len, text.partition("def get_config")[2].splitlines()))


@pytest.mark.parametrize("name", ["digits", "cifar10", "cifar10:grow", "fashion_mnist", "regression"])
def test_a_config_without_changes_is_loaded_as_it_was(name, tmp_path):
    config = resolved(name)
    written(tmp_path, config, trial())
    assert resolved(str(tmp_path / "best.py")) == config


PARAMS = {
    "learning_rate.schedule.initial": 0.1234567890123456789,
    "optimizer.momentum": 1e-300,
    "model.filters[1]": 48,
    "batch_size": 128,
    "augment": {"name": "standard", "pad": 2, "flip": True},
    "model.dropout": 0,
    "clip_norm": 5.0,
    "data.validation_fraction": 0.2,
}


def test_the_trials_values_are_in_their_places(tmp_path):
    written(tmp_path, resolved(), TrialResult(7, "fine", "complete", value=0.97, params=PARAMS))
    found = resolved(str(tmp_path / "best.py"))
    assert found["learning_rate"]["schedule"]["initial"] == 0.1234567890123456789
    assert found["learning_rate"]["name"] == "warm_up"
    assert found["optimizer"] == {"name": "momentum", "momentum": 1e-300, "nesterov": True}
    assert found["model"]["filters"] == [32, 48]
    assert found["augment"] == {"name": "standard", "pad": 2, "flip": True}
    assert (found["batch_size"], found["clip_norm"], found["epochs"]) == (128, 5.0, 30.0)
    assert found == with_values(resolved(), PARAMS)


def test_the_searched_config_stays_as_it_is():
    config = resolved()
    with_values(config, PARAMS)
    assert config == resolved()


def test_a_part_that_the_trial_left_out(tmp_path):
    text = written(tmp_path, resolved(), trial(augment=None))
    assert resolved(str(tmp_path / "best.py"))["augment"] is None
    assert "config.augment" not in text


def test_what_holds_without_being_said_is_left_out(tmp_path):
    config = resolved() | {"deterministic": False, "seed": 3, "exclude_from_weight_decay": ["bias$"]}
    text = written(tmp_path, config, trial())
    said = {line.strip().split(" = ")[0] for line in text.splitlines() if line.startswith("    config.")}
    expected = {key for key, value in config.items() if parts.plain(value) != parts.plain(DEFAULTS[key])}
    assert said == {f"config.{key}" for key in expected}
    assert {"config.deterministic", "config.seed", "config.exclude_from_weight_decay"} <= said
    assert "config.keep" not in said


def test_tuples_lists_and_odd_texts_survive(tmp_path):
    config = resolved() | {
        "model": {"name": "mlp", "units": (8,), "shape": (1, (2, 3)), "list": [1, [2]], "empty": ()},
        "metrics": ["it's", 'say "so"', "back\\slash", "both ' and \"", "new\nline", "Ünïcode ≤"],
        "l2": float("inf"),
        "class_weight": {"0": 1.0, "1": 2.5},
    }
    text = written(tmp_path, config, trial())
    found = runpy.run_path(str(tmp_path / "best.py"))["get_config"]()
    assert found.model.to_dict() == config["model"]
    assert isinstance(found.model.shape[1], tuple)
    assert list(found.metrics) == config["metrics"]
    assert (found.l2, found.class_weight.to_dict()) == (float("inf"), config["class_weight"])
    assert longest_line(text) <= 120


def test_long_parts_are_broken_into_lines(tmp_path):
    blocks = [{"name": f"block_{i}", "filters": [16 * i] * 10, "kernel_size": (3, 3)} for i in range(1, 5)]
    config = resolved() | {"model": {"name": "convnet", "blocks": blocks, "width": tuple(range(60))}}
    text = written(tmp_path, config, trial())
    assert longest_line(text) <= 120
    assert runpy.run_path(str(tmp_path / "best.py"))["get_config"]().model.to_dict() == config["model"]


def test_it_reads_as_the_formatter_writes_it(tmp_path):
    blocks = [{"name": f"block_{i}", "filters": [16 * i] * 10, "kernel_size": (3, 3)} for i in range(1, 5)]
    written(tmp_path, resolved() | {"callbacks": blocks}, trial(learning_rate__schedule__initial=3e-5))
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--line-length=120", "--diff", "--isolated", tmp_path / "best.py"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_the_head_says_what_it_is(tmp_path):
    folder = tmp_path / 'a "b" \\ c'
    folder.mkdir()
    written(folder, resolved(), trial(augment={"name": 'x"""y\\'}, l2=0.001))
    text = runpy.run_path(str(folder / "best.py"))["__doc__"]
    assert text.startswith("Trial 7 of a search, the best: val_accuracy 0.97, the mean of 2 seeds.\n")
    assert train_command(folder / "best.py") in text
    assert "    l2 = 0.001\n" in text
    assert "fine and trained for 12 epochs" in text


def folder_of_a_config(tmp_path, name="dict(name='mine:tenth', initial=1.0)", extra=""):
    folder = tmp_path / "original"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mine.py").write_text(MINE)
    (folder / "config.py").write_text(
        f"{extra}\n\n"
        "def get_config():\n"
        "    return dict(epochs=1, data='digits', model=dict(name='mlp', hidden=(4,)), batch_size=64, log_every=5,\n"
        f"                learning_rate={name})\n"
    )
    return resolved(str(folder / "config.py"))


@pytest.fixture
def elsewhere(tmp_path):
    """A folder beside that of a best.py which names code of the user's, with another file of the same name."""
    config = folder_of_a_config(tmp_path)
    (tmp_path / "search").mkdir()
    write_best(tmp_path / "search" / "best.py", config, trial(augment={"name": "mine.py:Halved"}), "val_accuracy")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mine.py").write_text("raise ValueError('another file of this name')")
    return folder


def test_code_of_the_users_is_found_from_anywhere(elsewhere, tmp_path, monkeypatch):
    monkeypatch.chdir(elsewhere)
    found = loaded_afresh("../search/best.py", monkeypatch)
    assert found["augment"] == {"name": f"{tmp_path}/original/mine:Halved"}
    built = parts.build(found, tt.strategy("cpu"))
    assert built.trainer_arguments["learning_rate"](3.0) == 0.1


@pytest.mark.slow
def test_it_trains_anywhere(elsewhere, tmp_path):
    program = [sys.executable, "-m", "tf_tricks.commands.train"]
    done = subprocess.run(
        [*program, "--config=../search/best.py", "--workdir=run", "--device=cpu"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    kept = (elsewhere / "run" / "config.json").read_text()
    assert f'"{tmp_path}/original/mine:tenth"' in kept
    assert f'"{tmp_path}/original/mine:Halved"' in kept


def loaded_afresh(path, monkeypatch):
    """A config, as a process loads it that has run none of the user's files."""
    names = {module.__name__ for module in users_code._loaded.values()}
    monkeypatch.setattr(users_code, "_folders", [])
    monkeypatch.setattr(users_code, "_loaded", {})
    for name in [
        name for name in sys.modules if name in names or name.split(".")[0] in ("my_package", "mine", "mine_registered")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if "original" not in p and "has space" not in p])
    return resolved(str(path))


def test_a_folder_whose_name_no_config_can_say(tmp_path, monkeypatch):
    config = folder_of_a_config(tmp_path / "has space")
    written(tmp_path, config, trial())
    found = loaded_afresh(tmp_path / "best.py", monkeypatch)
    assert users_code.find(found["learning_rate"]["name"])(1.0)(0) == 0.1


def test_a_module_of_a_package_with_its_neighbours(tmp_path, monkeypatch):
    config = folder_of_a_config(tmp_path, "dict(name='my_package/module:tenth', initial=1.0)")
    package = tmp_path / "original" / "my_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "neighbour.py").write_text("part = 10")
    module = "from .neighbour import part\n\n\ndef tenth(initial):\n    return lambda epoch: initial / part\n"
    (package / "module.py").write_text(module)
    written(tmp_path, config, trial())
    found = loaded_afresh(tmp_path / "best.py", monkeypatch)
    assert users_code.find(found["learning_rate"]["name"])(1.0)(0) == 0.1


@pytest.mark.parametrize("where", ["in the config", "in a file that it imports"])
def test_a_registered_name(where, tmp_path, monkeypatch):
    code = (
        "from tf_tricks.registry import register\n\n\n"
        "@register('schedules', 'tenth_of_search')\ndef tenth(initial):\n    return lambda epoch: initial / 10\n"
    )
    if where == "in the config":
        config = folder_of_a_config(tmp_path, "dict(name='tenth_of_search', initial=1.0)", code)
    else:
        (tmp_path / "original").mkdir()
        (tmp_path / "original" / "mine_registered.py").write_text(code)
        config = folder_of_a_config(tmp_path, "dict(name='tenth_of_search', initial=1.0)", "import mine_registered")
    written(tmp_path, config, trial())
    forget("schedules", "tenth_of_search")
    loaded_afresh(tmp_path / "best.py", monkeypatch)
    assert schedules.get({"name": "tenth_of_search", "initial": 1.0})(0.0) == 0.1
    forget("schedules", "tenth_of_search")


def test_names_of_what_is_installed_stay(tmp_path):
    config = resolved() | {"optimizer": {"name": "keras.optimizers:Lion"}}
    text = written(tmp_path, config, trial())
    assert '"keras.optimizers:Lion"' in text
    assert "users_code" not in text

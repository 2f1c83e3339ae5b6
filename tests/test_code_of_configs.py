"""Classes and functions of the user's own, named in a config as `file:Name`."""

import os
import re
import sys

import pytest
from support.forked import Forked

import tf_tricks as tt
from tf_tricks import cli, users_code
from tf_tricks.config import config_file, packaged_configs, parts
from tf_tricks.named_parts import files_of
from tf_tricks.registry import forget

HALVED = '''
import tf_tricks as tt


class Halved(tt.augment.Augmentation):
    """Half of each value."""

    def __init__(self, part=2, **keywords):
        super().__init__(**keywords)
        self.part = {2: 0.5}[part]

    def transform(self, batch, draws):
        return batch._replace(images=batch.images * self.part)


def tenth(initial):
    return lambda epoch: initial / 10
'''
CONFIG = """
import ml_collections


def get_config():
    return ml_collections.ConfigDict(
        dict(epochs=1, data="digits", model="mlp", learning_rate=dict(name="mine:tenth", initial=1.0), batch_size=8)
    )
"""


@pytest.fixture(autouse=True)
def _no_bytecode(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


def test_a_file_beside_the_config(tmp_path):
    (tmp_path / "mine.py").write_text(HALVED)
    (tmp_path / "config.py").write_text(CONFIG)
    config = parts.resolve(parts.plain(config_file.load(str(tmp_path / "config.py"))))
    built = parts.build(config, tt.strategy("cpu"))
    assert built.trainer_arguments["learning_rate"](3.0) == 0.1


def test_a_file_in_the_working_directory(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(HALVED)
    monkeypatch.chdir(tmp_path)
    assert tt.augment.get("mine:Halved").part == 0.5
    assert tt.augment.get({"name": "mine.py:Halved", "part": 2}).part == 0.5
    assert tt.augment.get("mine:Halved").__class__ is tt.augment.get("mine:Halved").__class__


def test_the_folder_of_the_config_comes_first(tmp_path, monkeypatch):
    for folder, part in (("here", "2"), ("there", "3")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(HALVED.replace("{2: 0.5}[part]", part))
    monkeypatch.chdir(tmp_path / "here")
    users_code.search_in(str(tmp_path / "there"))
    assert tt.augment.get("mine:Halved").part == 3


def test_a_module_of_a_package(tmp_path, monkeypatch):
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "module.py").write_text(HALVED)
    monkeypatch.syspath_prepend(tmp_path)
    assert tt.augment.get("my_package.module:Halved").part == 0.5
    assert tt.optimizers.get("keras.optimizers:Lion").name == "lion"


def test_a_file_takes_no_name_from_python_and_finds_its_neighbours(tmp_path, monkeypatch):
    import random

    (tmp_path / "random.py").write_text(HALVED.replace("\nimport", "\nimport my_neighbour\nimport", 1))
    (tmp_path / "my_neighbour.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert tt.augment.get("random:Halved").part == 0.5
    assert sys.modules["random"] is random


def test_a_registered_class_has_its_parts_by_either_name(tmp_path, monkeypatch):
    registered = '@tt.register("augment", "twice", parts={"inner": "augment"})\nclass Halved('
    (tmp_path / "mine.py").write_text(
        HALVED.replace("class Halved(", registered)
        .replace("part=2, ", "inner, part=2, ")
        .replace("self.part =", "self.inner, self.part = inner,")
    )
    monkeypatch.chdir(tmp_path)
    try:
        for name in ("mine:Halved", "twice"):
            assert isinstance(tt.augment.get({"name": name, "inner": "flip"}).inner, tt.augment.Flip)
    finally:
        tt.registry.forget("augment", "twice")


@pytest.mark.parametrize(
    ("text", "identifier", "sentence"),
    [
        (HALVED, "mine:Halvd", r"^there is no class or function in .*mine\.py called 'Halvd'; did you mean 'Halved'"),
        (HALVED, "mien:Halved", r"^there is no file mien\.py in .*, and no module 'mien'$"),
        (HALVED, "no.such:Halved", r"^there is no file no\.such\.py in .*, and no module 'no\.such'$"),
        (HALVED + "\n1 / 0\n", "mine:Halved", r"^the file '.*mine\.py' cannot be used, line 19: ZeroDivisionError: "),
        (HALVED + "\nif\n", "mine:Halved", r"^the file '.*mine\.py' has a mistake in line 19: invalid syntax$"),
        (
            HALVED + "\nimport nowhere\n",
            "mine:Halved",
            r"cannot be used, line 19: ModuleNotFoundError: No module",
        ),
        (HALVED, {"name": "mine:Halved", "prt": 2}, r"^there is no argument of the augmentation 'mine:Halved' called"),
        (HALVED, {"name": "mine:Halved", "part": 3}, r"^the augmentation .* \(.*mine\.py, line 10\): KeyError: 3$"),
        (HALVED, "mine:tt", r"^there is no class or function in .*mine\.py called 'tt'"),
    ],
)
def test_a_mistake_is_told_with_its_line(text, identifier, sentence, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tt.RequestError, match=sentence):
        tt.augment.get(identifier)


def test_files_of_a_folder_and_of_a_package(tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mine.py").write_text(HALVED)
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "__init__.py").write_text("from kit.deep import Halved\n")
    (tmp_path / "kit" / "deep.py").write_text("from . import base\n" + HALVED)
    (tmp_path / "kit" / "base.py").write_text("")
    monkeypatch.chdir(tmp_path)
    for name in ("parts/mine", "./parts/mine.py", "parts.mine", "kit", "kit.deep", "kit/deep"):
        assert tt.augment.get(f"{name}:Halved").part == 0.5, name


def test_a_file_is_run_once_whoever_imports_it(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("print('once')\n" + HALVED)
    (tmp_path / "config.py").write_text("import mine\n" + CONFIG)
    monkeypatch.chdir("/")
    config = config_file.load(str(tmp_path / "config.py"))
    assert tt.schedules.get(config.learning_rate.to_dict())(0.0) == 0.1
    assert users_code.find("mine:Halved") is sys.modules["mine"].Halved


def test_a_mistake_in_a_neighbour_names_it(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("import my_neighbour\n")
    (tmp_path / "my_neighbour.py").write_text("\nif\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tt.RequestError, match=r"^the file '.*mine\.py' has a mistake in .*my_neighbour\.py, line 2: "):
        tt.augment.get("mine:Halved")


def test_a_layer_of_ones_own_is_evaluated_from_elsewhere(tmp_path, monkeypatch):
    layer = "import keras\n\n\nclass Same(keras.layers.Layer):\n    def call(self, inputs):\n        return inputs\n"
    (tmp_path / "mine.py").write_text(f"{HALVED}\n\ndef rate():\n    return lambda epoch: 0.01\n\n\n{layer}")
    model = 'model=dict(name="mlp", hidden=(4,), dropout="mine:Same")'
    registered = "\n\n@tt.register('data', 'of_the_config')\ndef few(seed):\n    return tt.data.get('digits')\n"
    text = (
        CONFIG.replace('dict(name="mine:tenth", initial=1.0)', "0.5")
        .replace('model="mlp"', model)
        .replace('"digits"', '"of_the_config"')
        + registered
    )
    (tmp_path / "config.py").write_text("import tf_tricks as tt\n" + text)
    train, evaluate = (
        ["train", "--config=config.py", "--workdir=run", "--config.learning_rate=mine:rate"],
        ["evaluate", "--workdir=."],
    )
    for arguments, folder in ((train, tmp_path), (evaluate, tmp_path / "run")):
        process = Forked(in_folder, [folder, arguments], tmp_path / "printed.txt")
        printed = process.join()
        assert process.status == 0, printed
    assert re.search("^test loss ", printed, re.MULTILINE)


def in_folder(folder, arguments):
    """`tf-tricks`, in a process of its own."""
    os.chdir(folder)
    return cli.main(arguments)


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("return None", r"^the schedule 'mine:rate' must make a function of the epoch or a number, not None$"),
        ("return 'fast'", r"^the schedule 'mine:rate' must make a function of the epoch or a number, not 'fast'$"),
        (
            "return lambda epoch: [][0]",
            r"^the schedule 'mine:rate' fails at epoch 0 \(.*mine\.py, line 2\): Index",
        ),
        ("raise SystemExit(3)", r"^the schedule 'mine:rate' cannot be made \(.*mine\.py, line 2\): SystemExit: 3$"),
    ],
)
def test_what_is_no_schedule(code, sentence, tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(f"def rate():\n    {code}\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(tt.RequestError, match=sentence):
        tt.schedules.get("mine:rate")


def test_what_a_file_imports_is_not_its_own(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("from tf_tricks.layers import Dropout\n" + HALVED)
    monkeypatch.chdir(tmp_path)
    tt.augment.get("mine:Halved")
    assert set(users_code.classes()) == {"Halved"}


def test_a_packaged_config_takes_no_name_from_the_user(tmp_path, monkeypatch):
    (tmp_path / "digits.py").write_text(HALVED)
    monkeypatch.chdir(tmp_path)
    config_file.load(str(packaged_configs.files()["digits"]))
    assert tt.augment.get("digits:Halved").part == 0.5


def test_the_files_of_a_config_are_those_that_it_names(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(HALVED)
    (tmp_path / "other.py").write_text(HALVED)
    registered = "import tf_tricks as tt\n@tt.register('schedules', 'slow')\ndef slow():\n    return 1e-9\n"
    (tmp_path / "registers.py").write_text(registered)
    monkeypatch.chdir(tmp_path)
    users_code.find("other:Halved")  # of another run in this process
    users_code.run_file("registers.py")
    try:
        config = {"augment": [{"name": "mine:Halved"}, "flip"], "rate": {"name": "slow"}, "seed": 3}
        assert files_of(config) == [str(tmp_path / "mine.py"), str(tmp_path / "registers.py")]
    finally:
        forget("schedules", "slow")

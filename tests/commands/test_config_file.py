"""How configs are found and overridden."""

from pathlib import Path

import pytest

from tf_tricks.config import config_file, packaged_configs, parts
from tf_tricks.errors import RequestError

ROOT = Path(__file__).parents[2]
NAMES = [file.stem for file in sorted((ROOT / "configs").glob("*.py"))]


def test_all_configs_are_packaged():
    assert list(packaged_configs.files()) == NAMES


@pytest.mark.parametrize("name", [*NAMES, "cifar10:grow"])
def test_a_bare_name_is_a_packaged_config(name, tmp_path, monkeypatch):
    stem, *variant = name.split(":")
    file = ":".join([str(ROOT / "configs" / f"{stem}.py"), *variant])
    monkeypatch.chdir(tmp_path)
    assert config_file.load(name).to_dict() == config_file.load(file).to_dict()


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("digits").write_text("def get_config():\n    return {'epochs': 77}\n")
    assert config_file.load("digits").epochs == 77


def test_the_nearest_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="no config file 'digit'; did you mean 'digits'"):
        config_file.load("digit")


def test_the_list_has_each_with_its_first_line(tf_tricks):
    outcome = tf_tricks("configs")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert [line.split()[0] for line in lines] == NAMES
    for name, line in zip(NAMES, lines, strict=True):
        first = (ROOT / "configs" / f"{name}.py").read_text().splitlines()[0]
        assert line.removeprefix(name).strip() == first.strip('"')


@pytest.mark.parametrize(
    ("override", "part", "value"),
    [
        ("--config.model.activation=gelu", "model", "gelu"),
        ("--config.learning_rate.schedule.final=0.01", "learning_rate", 0.01),
        ("--config.augment.cutout=4", "augment", 4),
    ],
)
def test_an_argument_that_the_config_leaves_out(tf_tricks, tmp_path, monkeypatch, override, part, value):
    seen = {}

    def resolve(config):
        seen.update(config)
        raise RequestError("seen")

    monkeypatch.setattr(parts, "resolve", resolve)
    tf_tricks("train", "--config=digits", f"--workdir={tmp_path / 'run'}", override)
    config = seen[part]
    for key in override.partition("=")[0].split(".")[2:]:
        config = config[key]
    assert config == value


@pytest.fixture
def resolved(tf_tricks, tmp_path, monkeypatch):
    """A function of overrides that returns the config that they give and the notes."""

    def get(*overrides):
        seen = {}

        def resolve(config):
            seen.update(config)
            raise RequestError("seen")

        monkeypatch.setattr(parts, "resolve", resolve)
        outcome = tf_tricks("train", "--config=digits", f"--workdir={tmp_path / 'run'}", *overrides)
        assert outcome.err.endswith("seen\n")
        return seen, config_file.notes

    return get


def test_another_data_set_drops_the_arguments_of_the_old_one(resolved):
    config, notes = resolved("--config.data.image_size=32", "--config.data.name=folder", "--config.data.path=pets")
    assert config["data"] == {"name": "folder", "path": "pets", "image_size": 32}
    assert notes == ["data is 'folder' in place of 'digits', whose arguments are dropped: validation_fraction"]


def test_the_same_data_set_keeps_its_arguments(resolved):
    config, notes = resolved("--config.data.name=digits")
    assert (config["data"], notes) == ({"name": "digits", "validation_fraction": 0.1}, [])


def test_an_argument_that_is_a_dict(resolved):
    config, _ = resolved("--config.data.name=csv", "--config.data.fill.age=3", "--config.data.fill.city=Rome")
    assert config["data"] == {"name": "csv", "fill": {"age": 3, "city": "Rome"}}

"""A space file, and whether it fits the config."""

import pytest

import tf_tricks as tt
from tf_tricks.config import config_file, packaged_configs, parts
from tf_tricks.search import choice, log_uniform, space

CONFIG = {
    "epochs": 3,
    "data": "digits",
    "model": {"name": "mlp", "hidden": [8]},
    "learning_rate": {"name": "warm_up", "schedule": {"name": "cosine_decay", "initial": 0.1}, "epochs": 1},
    "batch_size": 64,
    "optimizer": "momentum",
}
CONFIG = parts.resolve(CONFIG)
ONE = choice(1)


def written(tmp_path, text):
    (tmp_path / "space.py").write_text("from tf_tricks.search import *\n" + text)
    return str(tmp_path / "space.py")


def test_a_file(tmp_path):
    path = written(tmp_path, "def get_space(): return {'l2': log_uniform(1e-5, 1e-2), 'model.dropout': choice(0, 0.5)}")
    assert space.load(path, CONFIG) == {"l2": log_uniform(1e-5, 1e-2), "model.dropout": choice(0, 0.5)}


def test_a_file_that_looks_at_the_config(tmp_path):
    path = written(tmp_path, "def get_space(config):\n    return {'batch_size': choice(config['batch_size'] // 2)}")
    assert space.load(path, CONFIG) == {"batch_size": choice(32)}


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("config", packaged_configs.files())
def test_the_packaged_spaces_fit_the_packaged_configs(name, config):
    resolved = parts.resolve(parts.plain(config_file.load(config)))
    found = space.load(name, resolved)
    assert space.rate_path(resolved) in found
    drawn = {path: getattr(d, "choices", (getattr(d, "low", None),))[0] for path, d in found.items()}
    parts.resolve(space.with_values(resolved, drawn))


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("learning_rate.schedule.initial", 0.5, lambda c: c["learning_rate"]["schedule"]["initial"]),
        ("batch_size", 32, lambda c: c["batch_size"]),
        ("model.hidden[0]", 16, lambda c: c["model"]["hidden"][0]),
        ("model.dropout", 0.5, lambda c: c["model"]["dropout"]),
        ("optimizer", '{"name": "adam"}', lambda c: c["optimizer"]),
        ("augment", None, lambda c: c["augment"]),
        ("augment", "standard", lambda c: c["augment"]),
    ],
)
def test_a_value_is_put_in_its_place(path, value, where):
    changed = space.put(CONFIG, path, value)
    assert where(changed) == ({"name": "adam"} if path == "optimizer" else value)
    assert CONFIG["batch_size"] == 64  # the config given stays as it is
    assert "dropout" not in CONFIG["model"]


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"learning_rat": ONE}, "there is no config path 'learning_rat'; did you mean 'learning_rate'"),
        ({"batchsize": ONE}, "there is no config path 'batchsize'; did you mean 'batch_size'"),
        (
            {"optimizer.momentum": ONE},
            r"optimizer is 'momentum': the config must say dict\(name='momentum', mom",
        ),
        ({"batch_size.initial": ONE}, "there is no batch_size.initial in the config: batch_size is 64"),
        ({"augment.pad": ONE}, "there is no augment.pad in the config: augment is None"),
        ({"model.hidden[1]": ONE}, r"there is no model.hidden\[1\] in the config: model.hidden is \[8\]"),
        ({"batch_size[0]": ONE}, r"there is no batch_size\[0\] in the config: batch_size is 64"),
        ({"seed": ONE}, "a space cannot have seed: each trial is trained with the seeds of --seeds"),
        ({"epochs": ONE}, "a space cannot have epochs: they are those of --coarse_epochs and --fine_epochs"),
        ({"keep": ONE}, "a space cannot have keep"),
        ({"data.name": ONE}, "a space cannot have data.name: trials on other data cannot be compared"),
        ({"model": ONE, "model.dropout": ONE}, "a space cannot have model.dropout, a part of model, which it draws"),
        ({"batch_size": [32, 64]}, "batch_size must be drawn from a distribution of tf_tricks.search"),
        ({3: ONE}, "a space has paths of the config for keys"),
    ],
)
def test_what_does_not_fit(found, sentence):
    with pytest.raises(tt.RequestError, match=sentence):
        space.checked(found, CONFIG)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the space file .*space.py' has no function get_space"),
        ("def get_space(): return {}", "must return a dict of config path to distribution, not {}"),
        ("def get_space(): return [1]", r"must return a dict of config path to distribution, not \[1\]"),
        ("def get_space(): return {'l2': uniform(1, 0)}", r"cannot be used: uniform\(1, 0\) has no values"),
        ("def get_space(:", "has a mistake in line 2"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, text, sentence):
    with pytest.raises(tt.RequestError, match=sentence):
        space.load(written(tmp_path, text), CONFIG)


def test_a_file_that_is_not_there():
    with pytest.raises(tt.RequestError, match="there is no space file 'sdg'; did you mean 'sgd'"):
        space.load("sdg", CONFIG)


@pytest.mark.parametrize("rate", ["mine:rate", {"name": "mine:rate", "from": 1}])
def test_a_rate_without_a_number(rate):
    with pytest.raises(tt.RequestError, match="has no number to draw"):
        space.rate_path({"learning_rate": rate})


def test_a_rate_that_is_a_number():
    assert space.rate_path({"learning_rate": 0.1}) == "learning_rate"
    assert space.put(CONFIG | {"learning_rate": 0.1}, "learning_rate", 0.2)["learning_rate"] == 0.2
    assert log_uniform(0.1, 1.0).log

"""Every card says what it must, and its config line works."""

import inspect
import re
import textwrap
from pathlib import Path

import ml_collections
import numpy as np
import pytest
from support import examples

import tf_tricks as tt
from tf_tricks.commands import cards
from tf_tricks.config import parts
from tf_tricks.config.config_keys import DEFAULTS
from tf_tricks.registry import entries
from tf_tricks.training.task import plan_task

PACKAGES = examples.PACKAGES | {"augment": tt.augment}
ALL = [(package, name) for package in PACKAGES for name in PACKAGES[package].TRICKS]


def card(package, name):
    return inspect.getdoc(PACKAGES[package].TRICKS[name])


def config_lines(package, name):
    found = re.search(r"^Config:\n((?:    .*\n|\n)+)", card(package, name) + "\n", flags=re.MULTILINE)
    return textwrap.dedent(found[1]) if found else ""


WITH_CONFIG = [case for case in ALL if config_lines(*case)]


@pytest.mark.parametrize(("package", "name"), ALL)
def test_a_card_has_all_its_parts(package, name):
    text = card(package, name)
    first = text.splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 110
    for part in ("\n\nUse it ", "\n\nAvoid it ", "\nArgs:\n", "\nExample:\n"):
        assert part in text, f"the card of {name} has no {part.strip()!r}"


@pytest.mark.parametrize(("package", "name"), [case for case in ALL if entries(case[0])[case[1]].in_configs])
def test_what_can_be_named_says_how_a_config_names_it(package, name):
    inside_a_model = {"scalar_bias", "scalar_multiplier"}  # building blocks for models without normalization
    looks_only = {"learning_rate_finder"}  # a run that it is part of trains nothing
    if name in inside_a_model | looks_only:
        assert not config_lines(package, name)
    else:
        assert f'"{name}"' in config_lines(package, name) or package == "layers"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    rng = np.random.default_rng(0)
    file = tmp_path_factory.mktemp("data") / "images.npz"
    images = rng.integers(0, 256, (120, 28, 28, 3)).astype("uint8")
    np.savez(file, x_train=images, y_train=rng.integers(0, 10, 120), x_test=images[:9], y_test=np.arange(9))

    def config():
        made = ml_collections.ConfigDict()
        made.epochs, made.learning_rate, made.batch_size = 4, 0.01, 32
        made.data = dict(name="arrays", file=str(file))
        made.model = dict(name="mlp", hidden=(8,))
        return made

    return config


@pytest.mark.parametrize(("package", "name"), WITH_CONFIG)
def test_the_config_line_of_a_card(package, name, base):
    config = base()
    exec(config_lines(package, name), {"config": config})
    built = parts.build(parts.resolve(config), tt.strategy("cpu"))
    trainer = tt.Trainer(built.model, **built.trainer_arguments)
    plan_task(trainer, built.stream, config.epochs, built.fit_arguments["callbacks"])


def test_what_is_read_from_the_source_is_what_is_registered():
    listed = {(card.package, card.name): card.text for card in cards.cards()}
    assert {case: listed[case] for case in ALL} == {case: card(*case) for case in ALL}
    for package, names in (("models", entries("models")), ("data", entries("data")), ("config", DEFAULTS)):
        assert {name for listed_in, name in listed if listed_in == package} == set(names)


def test_the_list_has_each_on_one_line():
    lines = cards.listing().splitlines()
    for one in cards.cards():
        found = [line for line in lines if line.split()[:1] == [one.name] and line.startswith("  ")]
        assert len(found) == sum(one.name == other.name for other in cards.cards())
        assert any(one.first_line in line for line in found)


@pytest.mark.parametrize(("package", "name"), ALL)
def test_a_card_is_printed_by_name_and_ends_with_its_source(package, name):
    printed = cards.card(f"{package}/{name}")
    assert printed.startswith(f"{package}/{name}\n\n")
    assert printed in cards.card(name)
    path, line = re.fullmatch(r"Source: (.*), line (\d+)", printed.splitlines()[-1]).groups()
    trick = inspect.unwrap(PACKAGES[package].TRICKS[name])
    assert path == inspect.getsourcefile(trick)
    assert trick.__name__ in Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]


def test_an_unknown_trick_gets_the_nearest_three():
    with pytest.raises(
        tt.RequestError, match=r"^there is no trick 'momentun'; the nearest are 'momentum', '\w+', '\w+' "
    ):
        cards.card("momentun")


@pytest.mark.parametrize("name", ["LARS", "AdamW", "adamw", "optimizers/AdamW"])
def test_a_name_as_keras_writes_it(name):
    assert cards.card(name).startswith("optimizers/")


def test_one_callback_is_a_list_of_one(base):
    config = parts.plain(base()) | {"callbacks": "monitor"}
    assert len(parts.build(parts.resolve(config), tt.strategy("cpu")).fit_arguments["callbacks"]) == 1

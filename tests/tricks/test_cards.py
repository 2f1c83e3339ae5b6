"""Every card says what it must, and its config line works."""

import inspect
import re
import textwrap

import ml_collections
import numpy as np
import pytest
from support import examples

import tf_tricks as tt
from tf_tricks import tricks
from tf_tricks.trainers import parts
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


@pytest.mark.parametrize(("package", "name"), [case for case in ALL if case[1] not in examples.FUNCTIONS])
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


def test_the_list_has_every_trick_on_one_line():
    lines = tricks.listing().splitlines()
    for package, name in ALL:
        found = [line for line in lines if line.split()[:1] == [name] and line.startswith("  ")]
        assert len(found) == sum(name in other.TRICKS for other in PACKAGES.values())
        assert any(tricks.first_line(PACKAGES[package].TRICKS[name]) in line for line in found)


@pytest.mark.parametrize(("package", "name"), ALL)
def test_a_card_is_printed_by_name(package, name):
    assert tricks.card(f"{package}/{name}").startswith(f"{package}/{name}\n\n")
    assert tricks.card(f"{package}/{name}") in tricks.card(name)


def test_an_unknown_trick():
    with pytest.raises(tt.RequestError, match="there is no trick 'momentun'; did you mean 'momentum'"):
        tricks.card("momentun")

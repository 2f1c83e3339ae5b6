"""Each trick of an ablation is put into a config and taken out of it, and both are built."""

import keras
import pytest

import tf_tricks as tt
from tf_tricks import data
from tf_tricks.config import parts
from tf_tricks.errors import RequestError
from tf_tricks.search.ablation.arms import arms
from tf_tricks.search.ablation.tricks import KNOWN, canonical, find

RATE = {"name": "cosine_decay", "initial": 0.1}
BASE = {
    "epochs": 10.0,
    "data": {"name": "digits", "validation_fraction": 0.1},
    "model": {"name": "mlp", "hidden": [8]},
    "optimizer": {"name": "sgd", "momentum": 0.9},
    "learning_rate": 0.1,
    "batch_size": 64,
}
RICH = BASE | {
    "model": {"name": "mlp", "hidden": [8], "dropout": 0.3, "batch_norm": True},
    "optimizer": {"name": "momentum", "nesterov": True, "use_ema": True, "ema_momentum": 0.9},
    "learning_rate": {"name": "warm_up", "schedule": RATE, "epochs": 2},
    "loss": {"name": "sparse_categorical_crossentropy", "label_smoothing": 0.2},
    "augment": {"name": "standard", "pad": 1},
    "class_weight": {"3": 2.0},
    "l2": 1e-3,
    "weight_decay": 1e-2,
    "clip_global_norm": 5.0,
}
DEFAULTS = {
    "augment": ("augment", "standard"),
    "label_smoothing": ("loss", {"name": "sparse_categorical_crossentropy", "label_smoothing": 0.1}),
    # 10 epochs of 1294 examples in batches of 64 are 202.2 updates, a twentieth of which is 10.11
    "weight_averaging": ("optimizer", BASE["optimizer"] | {"use_ema": True, "ema_momentum": 0.9011}),
    "warm_up": ("learning_rate", {"name": "warm_up", "schedule": 0.1, "epochs": 0.5}),
    "decay": ("learning_rate", RATE),
    "momentum_correction": ("optimizer", {"name": "momentum", "momentum": 0.9}),
    "nesterov": ("optimizer", BASE["optimizer"] | {"nesterov": True}),
    "dropout": ("model", BASE["model"] | {"dropout": 0.2}),
    "l2": ("l2", 1e-4),
    "weight_decay": ("weight_decay", 5e-4),
    "clip_global_norm": ("clip_global_norm", 1.0),
    "normalization": ("model", BASE["model"] | {"normalization": "batch_normalization"}),
    "class_weight": ("class_weight", "balanced"),
}
REMOVED = {
    "augment": ("augment", None),
    "label_smoothing": ("loss", {"name": "sparse_categorical_crossentropy"}),
    "weight_averaging": ("optimizer", {"name": "momentum", "nesterov": True}),
    "warm_up": ("learning_rate", RATE),
    "decay": ("learning_rate", {"name": "warm_up", "schedule": 0.1, "epochs": 2}),
    "momentum_correction": ("optimizer", RICH["optimizer"] | {"name": "sgd", "momentum": 0.9}),
    "nesterov": ("optimizer", {"name": "momentum", "use_ema": True, "ema_momentum": 0.9}),
    "dropout": ("model", {"name": "mlp", "hidden": [8], "batch_norm": True}),
    "l2": ("l2", 0.0),
    "weight_decay": ("weight_decay", None),
    "clip_global_norm": ("clip_global_norm", None),
    "normalization": ("model", {"name": "mlp", "hidden": [8], "dropout": 0.3}),
    "class_weight": ("class_weight", None),
}


@pytest.fixture(scope="module")
def splits():
    return data.get(BASE["data"], seed=0)


def resolved(config, **changes):
    return canonical(parts.resolve(config | changes))


def one(text, config, splits):
    (trick,) = find(text, config, splits)
    return trick


def built(config, splits):
    """What is built of a config, as far as tricks change it, as texts and numbers."""
    made = parts.build(config, tt.strategy("cpu"), splits=splits)
    arguments = made.trainer_arguments
    optimizer = arguments["optimizer"]
    layers = [(type(layer).__name__, getattr(layer, "rate", None)) for layer in made.model.layers]
    return {
        "augment": made.stream.augment and made.stream.augment.get_config() | {"name": ""},
        "loss": {k: v for k, v in arguments["loss"].get_config().items() if k in ("label_smoothing", "from_logits")},
        "optimizer": (type(optimizer).__name__, {k: v for k, v in optimizer.get_config().items() if k != "name"}),
        "learning_rate": [arguments["learning_rate"](epoch) for epoch in (0.0, 0.25, 1.0, 3.0, 9.5)],
        "layers": layers,
        "class_weight": made.fit_arguments["class_weight"],
        **{key: arguments[key] for key in ("l2", "weight_decay", "clip_global_norm")},
    }


def test_the_cases_are_all_tricks():
    assert DEFAULTS.keys() == REMOVED.keys() == KNOWN.keys()


@pytest.mark.parametrize("name", KNOWN)
def test_added_to_a_config_that_does_not_have_it(name, splits):
    config = resolved(BASE)
    trick = one(name, config, splits)
    key, value = DEFAULTS[name]
    added = trick.add(config)
    assert not trick.own
    assert added == config | {key: value}
    assert trick.add(added) == added
    assert trick.remove(config) == config
    assert trick.remove(added) == config
    before, after = built(config, splits), built(added, splits)
    different = [key for key in before if before[key] != after[key]]
    assert different == [{"model": "layers"}.get(key, key)]


@pytest.mark.parametrize("name", KNOWN)
def test_removed_from_a_config_that_has_it(name, splits):
    config = resolved(RICH)
    trick = one(name, config, splits)
    key, value = REMOVED[name]
    removed = trick.remove(config)
    assert trick.own
    assert removed == config | {key: value}
    assert trick.remove(removed) == removed
    assert trick.add(config) == config
    assert trick.add(removed) == config
    before, after = built(config, splits), built(removed, splits)
    different = [key for key in before if before[key] != after[key]]
    assert different == [{"model": "layers"}.get(key, key)]


def test_all_together_in_any_order(splits):
    """Bare is without any, and each can be put back beside the others."""
    for names in (list(KNOWN), list(reversed(KNOWN))):
        config = resolved(RICH)
        found = find(",".join(names), config, splits)
        of = arms(config, found)
        assert of["full"].config == config
        assert of["bare"].config == resolved(
            BASE, loss={"name": "sparse_categorical_crossentropy"}, optimizer={"name": "sgd", "momentum": 0.9}
        )
        for trick in found:
            assert trick.add(of[f"without {trick.name}"].config) == config
            assert trick.remove(of[f"only {trick.name}"].config) == of["bare"].config
        assert len({arm.slug for arm in of.values()}) == 2 + 2 * len(found)
    of = arms(resolved(BASE), find(",".join(KNOWN), resolved(BASE), splits))
    assert of["bare"].config == resolved(BASE)
    built(of["full"].config, splits)


def test_two_tricks_need_four_configs(splits):
    of = arms(resolved(BASE), find("l2,dropout", resolved(BASE), splits))
    assert {name: arm.slug for name, arm in of.items()} == {
        "full": "full",
        "bare": "bare",
        "without l2": "without-l2",
        "without dropout": "without-dropout",
        "only l2": "without-dropout",
        "only dropout": "without-l2",
    }
    assert of["only l2"].run_of(3) == "without-dropout-seed3"
    assert of["full"].config_of(3)["seed"] == 3


@pytest.mark.parametrize(
    ("text", "key", "with_it", "without_it"),
    [
        ("l2=0.01", "l2", 0.01, 0.0),
        ("dropout=0.5", "model", {"name": "mlp", "hidden": [8], "dropout": 0.5}, BASE["model"]),
        ("warm_up=3", "learning_rate", {"name": "warm_up", "schedule": 0.1, "epochs": 3}, 0.1),
        (
            "decay={'name':'exponential_decay','decay_rate':0.5}",
            "learning_rate",
            {"name": "exponential_decay", "initial": 0.1, "decay_rate": 0.5},
            0.1,
        ),
        ("augment=['flip','invert']", "augment", ["flip", "invert"], None),
        ("weight_averaging=0.5", "optimizer", BASE["optimizer"] | {"use_ema": True, "ema_momentum": 0.5}, None),
        ("model.hidden=[4,4]", "model", {"name": "mlp", "hidden": [4, 4]}, BASE["model"]),
        ("model.activation=gelu", "model", BASE["model"] | {"activation": "gelu"}, BASE["model"]),
        ("batch_size=32", "batch_size", 32, 64),
        ("optimizer=adam", "optimizer", {"name": "adam"}, BASE["optimizer"]),
        ("clip_value=0.1", "clip_value", 0.1, None),
        ("micro_batch", "micro_batch", 16, None),
        ("micro_batch=16", "micro_batch", 16, None),
    ],
)
def test_values_at_names_and_paths(text, key, with_it, without_it, splits):
    config = resolved(BASE, **({"micro_batch": 16} if "micro_batch" in text else {}))
    trick = one(text, config, splits)
    assert trick.name == text
    assert trick.add(trick.remove(config)) == config | {key: with_it}
    assert trick.remove(trick.add(config))[key] == (config[key] if key == "optimizer" else without_it)
    assert trick.own == (with_it == config[key])


def test_several_values_in_one_text(splits):
    found = find("l2=0.001, augment=['flip','invert'],model.hidden=(4, 4),nesterov", resolved(BASE), splits)
    assert [trick.name for trick in found] == [
        "l2=0.001",
        "augment=['flip','invert']",
        "model.hidden=(4, 4)",
        "nesterov",
    ]


def test_the_optimizer_inside_of_another(splits):
    config = resolved(BASE, optimizer={"name": "sam", "optimizer": {"name": "lookahead", "optimizer": "momentum"}})
    for name in ("weight_averaging", "momentum_correction", "nesterov"):
        trick = one(name, config, splits)
        changed = trick.remove(config) if trick.own else trick.add(config)
        assert changed["optimizer"]["optimizer"]["name"] == "lookahead"
        assert changed["optimizer"]["optimizer"]["optimizer"] != {"name": "momentum"}
        assert (trick.add(changed) if trick.own else trick.remove(changed)) == config


def test_a_decay_that_the_optimizer_brings(splits):
    config = resolved(BASE, optimizer="adam_w")
    trick = one("weight_decay", config, splits)
    assert (trick.own, trick.setting) == (True, "0.004")
    assert trick.add(config) == config
    removed = trick.remove(config)
    assert removed["weight_decay"] == 0.0
    trainer_arguments = parts.build(removed, tt.strategy("cpu"), splits=splits).trainer_arguments
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    assert not tt.Trainer(model, trainer_arguments["optimizer"], weight_decay=0.0).optimizer.weight_decay
    assert trick.add(removed) == config


def test_an_average_of_a_callback(splits):
    averaging = {"name": "stochastic_weight_averaging", "start_epoch": 5}
    config = resolved(BASE, callbacks=["monitor", averaging])
    trick = one("weight_averaging", config, splits)
    assert trick.own
    assert trick.remove(config)["callbacks"] == ["monitor"]
    assert trick.add(trick.remove(config)) == config
    assert trick.setting == "stochastic_weight_averaging(start_epoch=5)"


def test_a_network_that_normalizes_anyway(splits):
    config = resolved(BASE, model={"name": "convnet", "filters": [4]})
    trick = one("normalization", config, splits)
    removed = trick.remove(config)
    assert trick.own
    assert removed["model"] == {"name": "convnet", "filters": [4], "normalization": "identity"}
    assert trick.add(removed) == config
    names = [[name for name, _ in built(c, splits)["layers"]] for c in (config, removed)]
    assert names[0].count("BatchNormalization") == 1
    assert names[1].count("BatchNormalization") == 0


def test_a_cycle_is_a_decay_and_has_a_warm_up(splits):
    config = resolved(BASE, learning_rate={"name": "linear_scaling", "schedule": {"name": "one_cycle", "maximum": 0.5}})
    trick = one("decay", config, splits)
    assert trick.remove(config)["learning_rate"] == {"name": "linear_scaling", "schedule": 0.5}
    with pytest.raises(RequestError, match="warm_up: the learning rate's one_cycle begins with one of its own"):
        find("warm_up", config, splits)

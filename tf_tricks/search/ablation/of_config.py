"""The tricks that are a key of a config or an argument of its model or its loss."""

from collections.abc import Mapping
from typing import Any

from tf_tricks import losses, users_code
from tf_tricks.config.config_keys import DEFAULTS
from tf_tricks.config.parts import default_loss_and_metrics
from tf_tricks.errors import RequestError
from tf_tricks.registry import entries
from tf_tricks.search.ablation.handle import Config, Handle, as_part, takes, without

_L2, _NORM, _DROPOUT, _SMOOTHING = 1e-4, 1.0, 0.2, 0.1
_NORMALIZE_ANYWAY = ("convnet", "resnet", "wide_resnet")  # by batch normalization, where nothing else is said


def augment(config: Config, splits: Any) -> Handle:
    """The augmentation; the standard one where the config has none."""

    def default():
        shape = splits.train.input_shape
        if isinstance(shape, Mapping) or len(shape) != 3:
            raise RequestError("augment: the data are no pictures, so say which, as in --tricks=augment=gaussian_noise")
        return "standard"

    return _of_key("augment", config, default)


def l2(config: Config, splits: Any) -> Handle:
    """The penalty on the weights."""
    return _of_key("l2", config, lambda: _L2)


def clip_global_norm(config: Config, splits: Any) -> Handle:
    """The largest norm of all gradients together."""
    return _of_key("clip_global_norm", config, lambda: _NORM)


def class_weight(config: Config, splits: Any) -> Handle:
    """What the examples of each class weigh."""
    return _of_key("class_weight", config, lambda: "balanced")


def dropout(config: Config, splits: Any) -> Handle:
    """The model's dropout."""

    def put(config, setting):
        model = without(config["model"], "dropout")
        return config | {"model": model if setting is None else model | {"dropout": setting}}

    def default():
        _check_takes(config, "dropout")
        return _DROPOUT

    return Handle(config["model"].get("dropout") or None, default, put)


def normalization(config: Config, splits: Any) -> Handle:
    """The model's normalization; without it, a model that would normalize anyway gets the identity."""
    names = ("normalization", "batch_norm")
    anyway = config["model"]["name"] in _NORMALIZE_ANYWAY

    def own():
        said = {name: config["model"][name] for name in names if config["model"].get(name)}
        if said.get("normalization") == "identity":
            return None
        return said or ({} if anyway else None)

    def put(config, setting):
        model = without(config["model"], *names)
        if setting is None:
            setting = {"normalization": "identity"} if anyway else {}
        return config | {"model": model | setting}

    def default():
        _check_takes(config, "normalization")
        return {} if anyway else {"normalization": "batch_normalization"}

    return Handle(own(), default, put, lambda value: {"normalization": value})


def label_smoothing(config: Config, splits: Any) -> Handle:
    """The ε of the loss; where the config does not say the loss, it is that which the labels ask for."""
    said = config["loss"]
    several = isinstance(said, (list, tuple)) or (hasattr(said, "items") and "name" not in said)

    def name():
        if several:
            raise RequestError("label_smoothing: the config has several losses, so say it by its path")
        return as_part(default_loss_and_metrics(splits.train.labels)[0].name if said is None else said)["name"]

    def put(config, setting):
        if setting is None:
            return config | {"loss": None if said is None else _shown(said, without(as_part(said), "label_smoothing"))}
        loss = {"name": name()} if config["loss"] is None else as_part(config["loss"])
        return config | {"loss": loss | {"label_smoothing": setting}}

    def default():
        entry = losses.REGISTRY.entries.get(name())
        if not takes(entry and entry.make, "label_smoothing"):
            raise RequestError(f"label_smoothing is of cross-entropies, and the loss is {name()!r}")
        return _SMOOTHING

    own = None if said is None or several else as_part(said).get("label_smoothing") or None

    def given(value):
        default()
        return value

    return Handle(own, default, put, given)


def _shown(said, part):
    """A loss that the config names by its name alone stays so."""
    return said if isinstance(said, str) else part


def _of_key(key, config, default):
    absent = DEFAULTS[key]

    def put(config, setting):
        return config | {key: absent if setting is None else setting}

    return Handle(config[key] or None, default, put)


def _check_takes(config, argument):
    name = config["model"]["name"]
    known = entries("models")
    make = users_code.find(name) if users_code.is_name(name) else known[name].make if name in known else None
    if not takes(make, argument):
        raise RequestError(f"{argument}: the model {name!r} has no argument of that name")

"""The tricks that an ablation is asked for: names of a table, keys of the config, or values at its paths."""

import ast
import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from tf_tricks.config.config_keys import DEFAULTS, FOLDER_OPTIONS
from tf_tricks.errors import RequestError, unknown
from tf_tricks.search.ablation import of_config, of_optimizer, of_rate
from tf_tricks.search.ablation.handle import Config, Handle, as_part
from tf_tricks.search.labels import text_of
from tf_tricks.search.space import put

KNOWN: dict[str, Callable[[Config, Any], Handle]] = {
    "augment": of_config.augment,
    "label_smoothing": of_config.label_smoothing,
    "weight_averaging": of_optimizer.weight_averaging,
    "warm_up": of_rate.warm_up,
    "decay": of_rate.decay,
    "momentum_correction": of_optimizer.momentum_correction,
    "nesterov": of_optimizer.nesterov,
    "dropout": of_config.dropout,
    "l2": of_config.l2,
    "weight_decay": of_optimizer.weight_decay,
    "clip_global_norm": of_config.clip_global_norm,
    "normalization": of_config.normalization,
    "class_weight": of_config.class_weight,
}
"""The tricks that have a name, each a function of the config and its data that returns its `Handle`."""

_NO_TRICKS = {
    "seed": "each run is trained with the seeds of --seeds",
    "epochs": "runs of other lengths cannot be compared",
    "data": "runs on other data cannot be compared",
    "metrics": "they are what runs are compared by",
    "deterministic": "it holds for the whole process",
    "keep_best": "runs are compared by their last epoch",
    "evaluation_batch_size": "it changes nothing that is learned",
    **dict.fromkeys(FOLDER_OPTIONS, "it changes what is kept, and not what is learned"),
}

_SAID_ANYWAY = ("model", "optimizer", "learning_rate", "batch_size")  # no config is without them


@dataclasses.dataclass(frozen=True)
class Trick:
    """A trick of an ablation.

    Attributes:
        name: as the user has said it.
        setting: what is in the config with it, in short.
        own: whether the config that was given has it.
        add: function that returns a config with it.
        remove: function that returns a config without it.
    """

    name: str
    setting: str
    own: bool
    add: Callable[[Config], Config]
    remove: Callable[[Config], Config]


def find(text: str, config: Config, splits: Any) -> list[Trick]:
    """Returns the tricks that a text names, in their order.

    Args:
        text: `"augment,l2=0.001,model.depth=32"`.
        config: from `canonical`.
        splits: its data.

    Raises:
        RequestError: one does not exist, is no trick of this config, or is named twice.
    """
    found: dict[str, Trick] = {}
    for one in _split(text):
        name, equals, value = one.partition("=")
        name = name.strip()
        if not name:
            raise RequestError(f"--tricks={text} has an empty name: say them as in --tricks=augment,warm_up,l2=0.001")
        if name in found:
            raise RequestError(f"the trick {name} is named twice")
        found[name] = _trick(name, one.strip(), equals == "=", _value(value.strip()), config, splits)
    return list(found.values())


def canonical(config: Mapping[str, Any]) -> Config:
    """Returns a resolved config with its model and its optimizer as dicts, as the tricks take it.

    Example:
        >>> canonical({"model": "mlp", "optimizer": {"name": "sam", "optimizer": "sgd"}})
        {'model': {'name': 'mlp'}, 'optimizer': {'name': 'sam', 'optimizer': {'name': 'sgd'}}}
    """
    return dict(config) | {"model": as_part(config["model"]), "optimizer": _nested(config["optimizer"])}


def _nested(optimizer):
    part = as_part(optimizer)
    return part | {"optimizer": _nested(part["optimizer"])} if "optimizer" in part else part


def _trick(name, text, has_value, value, config, splits):
    if name in KNOWN:
        return _known(name, text, has_value, value, config, splits)
    top = name.split(".")[0]
    if top in _NO_TRICKS:
        raise RequestError(f"{name} is no trick: {_NO_TRICKS[top]}")
    if has_value:
        return _at_path(name, text, value, config)
    if name in DEFAULTS:
        return _of_key(name, config)
    if "." in name or "[" in name:
        raise RequestError(f"the trick {name} is a path of the config, so it needs a value: --tricks={name}=VALUE")
    raise unknown("trick", name, [*KNOWN, *(key for key in DEFAULTS if key not in _NO_TRICKS)])


def _known(name, text, has_value, value, config, splits):
    handle = KNOWN[name](config, splits)
    if has_value:
        setting = handle.given(value)
    else:
        setting = handle.default() if handle.own is None else handle.own

    def own(config):
        return KNOWN[name](config, splits).own

    def add(config):
        return config if own(config) == setting else handle.put(config, setting)

    def remove(config):
        return config if own(config) is None else handle.put(config, None)

    if own(add(config)) is None:
        raise RequestError(f"the trick {text} is the same as none: leave the value out, or say another")
    return Trick(text, _shown(setting), handle.own == setting, add, remove)


def _shown(setting):
    """A setting in short; arguments without a name are listed."""
    if setting is True:
        return ""
    if not hasattr(setting, "items") or "name" in setting:
        return text_of(setting)
    arguments = setting.get("optimizer", setting)
    listed = [f"{key}={text_of(value)}" for key, value in arguments.items() if key != "callbacks"]
    return ", ".join([*listed, *map(text_of, setting.get("callbacks", []))])


def _of_key(name, config):
    value, default = config[name], DEFAULTS[name]
    if name in _SAID_ANYWAY:
        raise RequestError(f"the trick {name} cannot be left out of a config: compare a value, --tricks={name}=VALUE")
    if value == default or value == list(default or ()):
        raise RequestError(f"the config has no {name} that could be removed: say what to add, --tricks={name}=VALUE")
    add, remove = (lambda config: config | {name: value}), (lambda config: config | {name: default})
    return Trick(name, text_of(value), True, add, remove)


def _at_path(path, text, value, config):
    """A value at a path against the config's own; where that is the same already, against what holds without it."""
    if "[" in path:
        raise RequestError(f"the trick {text} is a part of a list: say the whole list")
    with_it, own = canonical(put(config, path, value)), config
    has_it = with_it == config
    if has_it and path in DEFAULTS and path not in _SAID_ANYWAY:
        own = config | {path: DEFAULTS[path]}
    if with_it == own:
        raise RequestError(f"the config has {path}={text_of(value)} already: there is nothing to compare it with")

    def add(config):
        return _copied(path, with_it, config)

    def remove(config):
        return _copied(path, own, config)

    return Trick(text, text_of(value), has_it, add, remove)


def _copied(path, source, config):
    """A config with what another has at a path, or without it where that has nothing."""
    *parents, key = path.split(".")
    return _with_key(config, parents, key, source)


def _with_key(part, parents, key, source):
    if not parents:
        left = {name: value for name, value in part.items() if name != key}
        return left | {key: source[key]} if key in source else left
    inner = parents[0]
    there, there_in_source = part.get(inner), source.get(inner)
    if not hasattr(there, "items") or not hasattr(there_in_source, "items"):
        return part if there_in_source is None else part | {inner: there_in_source}
    return part | {inner: _with_key(there, parents[1:], key, there_in_source)}


def _split(text):
    """The texts between the commas that stand in no brackets or quotes."""
    pieces, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        else:
            depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0 and not quote:
            pieces.append("")
        else:
            pieces[-1] += letter
    return pieces


def _value(text):
    """What Python would take a text for, else the text."""
    text = re.sub(r"^(true|false|none)$", lambda match: match[0].capitalize(), text)
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, TypeError, ValueError):
        return text
    return list(value) if isinstance(value, tuple) else value

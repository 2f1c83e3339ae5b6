"""The config file behind `--config=FILE[:ARG]`: what it may say, how it is read, how single values are overridden."""

import ast
import inspect
import os
import sys
from typing import Any

import ml_collections
from absl import flags
from ml_collections import config_flags

from tf_tricks import users_code
from tf_tricks.config import packaged_configs
from tf_tricks.config.config_keys import DEFAULTS, KEYS, RENAMED
from tf_tricks.errors import RequestError, unknown


def define(name: str, purpose: str) -> Any:
    """Defines the flag `--name=FILE.py[:ARG]` and the overrides `--name.key=value`; returns its holder."""
    help_text = (
        f"{purpose}: a packaged one (tf-tricks configs) or a FILE.py, with :ARG for a variant; "
        f"any value can be overridden: --{name}.seed=1"
    )
    holder = config_flags.DEFINE_config_file(name, None, help_text, lock_config=True, allow_override=True)
    flags.FLAGS[name].parser = _Parser(name)
    return holder


def load(path: str) -> ml_collections.ConfigDict:
    """Returns the `ml_collections.ConfigDict` of `FILE.py[:ARG]`, locked, with the `DEFAULTS` that it does not say.

    Args:
        path: a file, or the bare name of a packaged config (`"digits"`, `"cifar10:grow"`).

    Raises:
        RequestError: there is no such file, or it has no `get_config` that returns a config.
    """
    file, *argument = _split(path)
    file = packaged_configs.find(file, "config file", packaged_configs.files())
    module = users_code.run_file(file)
    get_config = getattr(module, "get_config", None)
    if not callable(get_config):
        raise RequestError(f"the config file {file!r} has no function get_config")
    if argument and not inspect.signature(get_config).parameters:
        raise RequestError(f"the config file {file!r} has no variants, so {argument[0]!r} cannot be chosen")
    config = users_code.call(f"the config {path!r}", os.path.abspath(file), get_config, *argument)
    if not hasattr(config, "items"):
        raise RequestError(f"get_config of the config file {file!r} must return a config, not {config!r}")
    for key, value in config.items():
        _check_plain(key, value)
    config = ml_collections.ConfigDict({k: v for k, v in config.items()})
    for key, value in DEFAULTS.items():
        if key not in config:
            config[key] = value
    if type(config.epochs) is int:
        with config.ignore_type():
            config.epochs = float(config.epochs)  # so that an override may be a fraction
    return config.lock()


def _split(path):
    """The file, and the variant if there is one: what comes behind the colon that is no scheme's."""
    scheme, separator, rest = path.rpartition("://")
    file, *argument = rest.split(":", 1)
    return [scheme + separator + file, *argument]


notes: list[str] = []
"""What overrides have done besides, a line each, for the program to print once it is known that it can start."""

_WHOLE = ("data", "model")
"""Parts whose arguments go with their name."""


class _ValueParser(flags.ArgumentParser):
    """Parses an override, and says in words what it must be."""

    def __init__(self, parse, what):
        self._parse, self._what = parse, what

    def parse(self, argument):
        try:
            return self._parse(argument)
        except (TypeError, ValueError):
            raise ValueError(f"it must be {self._what}") from None


def _literal(argument):
    """A value where the config has None: whatever Python would take it for, else a string."""
    try:
        return ast.literal_eval(argument)
    except (SyntaxError, TypeError, ValueError):
        return argument


def _list(argument):
    """A list or a tuple, as a list; the flag's own default comes as it is."""
    value = ast.literal_eval(argument) if isinstance(argument, str) else argument
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{argument!r} is no list")
    return list(value)


for _type, _parse, _what in [
    (int, flags.IntegerParser().parse, "an integer"),
    (float, flags.FloatParser().parse, "a number"),
    (bool, flags.BooleanParser().parse, "true or false"),
    (list, _list, "a list"),
    (type(None), _literal, "a value"),
]:
    config_flags.register_flag_parser_for_type(_type, _ValueParser(_parse, _what))


class _Parser(flags.ArgumentParser):
    def __init__(self, name):
        self._name = name

    def parse(self, argument):
        config = load(argument)
        notes.clear()
        given = [one.partition("=") for one in sys.argv if one.startswith(f"--{self._name}.")]
        overrides = [(path.split(".")[1:], _literal(text)) for path, _, text in given]
        for key in _WHOLE:
            for keys, name in overrides:
                if keys == [key, "name"]:
                    _rename(key, name, config)
        for keys, value in overrides:
            _check_path(keys, config)
            _make_way(keys, value, config)
        return config


def _rename(key, name, config):
    """Another data set or model has other arguments: those of the one that the config has are dropped."""
    part = config[key]
    if not hasattr(part, "items") or part.get("name") in (None, name):
        return
    dropped = [argument for argument in part if argument != "name"]
    if dropped:
        arguments = ", ".join(sorted(dropped))
        notes.append(f"{key} is {name!r} in place of {part.name!r}, whose arguments are dropped: {arguments}")
    with config.ignore_type():
        config[key] = {"name": part.name}


def _check_path(keys, config):
    """Raises a `RequestError` if the config has nothing at `keys` to override."""
    of_part = False  # below a part with a name: whoever makes it knows its arguments
    for i, key in enumerate(keys):
        if not hasattr(config, "items"):
            part = ".".join(keys[:i])
            hint = f"; say --config.{part}={{'name':{config!r},{key!r}:…}}" if isinstance(config, str) else ""
            raise RequestError(f"config.{'.'.join(keys)} cannot be overridden: {part} is {config!r}{hint}")
        key = key.split("[")[0]  # an element of a tuple: ml_collections reads the index
        of_part = of_part or "name" in config
        if key not in config:
            if of_part:
                return
            path = ".".join([*keys[:i], key])
            raise unknown("config key", path, [".".join([*keys[:i], k]) for k in config], meant=RENAMED.get(path))
        config = config[key]


def _make_way(keys, value, config):
    """Puts the override in place if it is of another kind than what was there: ml_collections would refuse.

    The kinds are a dict, a list, and single values: names and numbers. An argument that the config left out is put in.
    """
    *parents, key = keys
    for parent in parents:
        if parent.split("[")[0] not in config:
            with config.unlocked():
                config[parent] = ml_collections.ConfigDict()
        config = config[parent.split("[")[0]]
    if key.split("[")[0] not in config:
        with config.unlocked():
            config[key] = value
    elif key in config and (
        _names_a_part(value, config[key])
        or _is_another_kind(value, config[key])
        or (not parents and _may_be(value, key, config[key]))
    ):
        with config.ignore_type():
            config[key] = list(value) if isinstance(value, tuple) else value


def _names_a_part(value, there):
    """Whether a name stands where there is a number: a schedule, in place of a constant."""
    return users_code.is_name(value) and isinstance(there, (int, float))


def _may_be(value, key, there):
    """Whether a key takes this beside what is there: None where that is its default, and words for the blocks."""
    words = isinstance(value, str) != isinstance(there, str)
    return (value is None and KEYS[key].default is None) or (key == "trained_blocks" and words)


def _is_another_kind(value, there):
    return _kind(value) != _kind(there) and not _fits_tuple(value, there)


def _kind(value):
    if hasattr(value, "items"):
        return "dict"
    return "list" if isinstance(value, (list, tuple)) else "single"


def _fits_tuple(value, there):
    """Whether ml_collections takes `value` for a tuple: it does so with single values, too."""
    return isinstance(there, tuple) and not hasattr(value, "items")


def _check_plain(key, value):
    """Raises a `RequestError` if a value is none that config.json can hold: a Keras object, a function, an array."""
    if hasattr(value, "items"):
        for name, part in value.items():
            _check_plain(f"{key}.{name}", part)
    elif isinstance(value, (list, tuple)):
        for i, part in enumerate(value):
            _check_plain(f"{key}[{i}]", part)
    elif not isinstance(value, (bool, int, float, str, type(None))):
        raise RequestError(
            f"config.{key} must be a number, a text, a list or a dict, not {value!r}: say the name, "
            "as dict(name=..., and its arguments), or use tt.Trainer in Python"
        )

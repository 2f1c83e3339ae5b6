"""A space: which values of a config are drawn from what, read from a file and checked against the config."""

import copy
import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution

import tf_tricks
from tf_tricks import users_code
from tf_tricks.config import packaged_configs
from tf_tricks.config.config_keys import DEFAULTS, FOLDER_OPTIONS
from tf_tricks.errors import RequestError, unknown
from tf_tricks.search.distributions import value_of

FOLDER = Path(tf_tricks.__file__).parent / "configs" / "spaces"

_NOT_DRAWN = {
    "seed": "each trial is trained with the seeds of --seeds",
    "epochs": "they are those of --coarse_epochs and --fine_epochs",
    "data": "trials on other data cannot be compared",
    "deterministic": "it holds for the whole process",
    "callbacks": "what they do is a config's own matter",
    **dict.fromkeys(FOLDER_OPTIONS, "it changes what is kept, and not what is learned"),
}


def load(path: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the space of a file, a dict of config path to Optuna distribution.

    Args:
        path: a file with a function `get_space`, of nothing or of the config; or the bare name of a packaged one.
        config: the resolved config, a plain dict.

    Raises:
        RequestError: there is no such file, it cannot be run, or its space does not fit the config.
    """
    packaged = {file.stem: file for file in sorted(FOLDER.glob("*.py"))}
    file = packaged_configs.find(path, "space file", packaged)
    get_space = getattr(users_code.run_file(file), "get_space", None)
    if not callable(get_space):
        raise RequestError(f"the space file {file!r} has no function get_space")
    arguments = [copy.deepcopy(dict(config))] if inspect.signature(get_space).parameters else []
    space = users_code.call(f"the space {path!r}", os.path.abspath(file), get_space, *arguments)
    if not hasattr(space, "items") or not space:
        raise RequestError(f"get_space of {file!r} must return a dict of config path to distribution, not {space!r}")
    return checked(space, config)


def checked(space: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a space as it is, once it is known to fit the config.

    Args:
        space: dict of config path to Optuna distribution.
        config: the resolved config.

    Raises:
        RequestError: a path or a distribution cannot be used.
    """
    for path, distribution in space.items():
        if not isinstance(path, str):
            raise RequestError(f"a space has paths of the config for keys, 'learning_rate.initial', not {path!r}")
        if not isinstance(distribution, BaseDistribution):
            raise RequestError(
                f"{path} must be drawn from a distribution of tf_tricks.search, choice({distribution!r}) for one "
                f"value, not {distribution!r}"
            )
        if path == "batch_size" and isinstance(distribution, FloatDistribution):
            raise RequestError("batch_size is an integer: draw it from integers(…), log_integers(…) or choice(…)")
        top = path.split(".")[0]
        if top in _NOT_DRAWN:
            raise RequestError(f"a space cannot have {path}: {_NOT_DRAWN[top]}")
        for above in (other for other in space if path.startswith(f"{other}.")):
            raise RequestError(f"a space cannot have {path}, a part of {above}, which it draws as a whole")
        put(config, path, None)
    return dict(space)


def put(config: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Returns a copy of a config with another value at a path.

    Args:
        config: a resolved config.
        path: `"learning_rate.schedule.initial"`, `"model.filters[1]"`.
        value: what a distribution has drawn.

    Raises:
        RequestError: the config has no such path.

    Example:
        >>> put({"batch_size": 64, "model": {"name": "mlp"}}, "model.dropout", 0.5)
        {'batch_size': 64, 'model': {'name': 'mlp', 'dropout': 0.5}}
    """
    keys = [int(index) if index else key for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path)]
    _check(config, path, keys)
    return _put(config, keys, copy.deepcopy(value_of(value)))


def _check(part, path, keys):
    """Raises a `RequestError` if there is nothing at these keys to draw."""
    of_part = False  # below a part with a name: whoever makes it knows its arguments
    for i, key in enumerate(keys):
        above = "".join(f"[{k}]" if isinstance(k, int) else f".{k}" for k in keys[:i]).removeprefix(".")
        if isinstance(key, int):
            if not isinstance(part, (list, tuple)) or key >= len(part):
                raise RequestError(f"there is no {path} in the config: {above} is {part!r}")
            part = part[key]
            continue
        if not hasattr(part, "items"):
            hint = f": the config must say dict(name={part!r}, {key}=…) for it" if isinstance(part, str) else ""
            raise RequestError(f"there is no {path} in the config: {above} is {part!r}{hint}")
        of_part = of_part or "name" in part
        if key not in part and not of_part:
            known = [f"{above}.{other}" for other in part] if above else {**DEFAULTS, **part}
            raise unknown("config path", f"{above}.{key}" if above else key, known)
        part = part.get(key, {})


def _put(part, keys, value):
    if not keys:
        return value
    key, *rest = keys
    if isinstance(key, int):
        return type(part)(_put(one, rest, value) if i == key else one for i, one in enumerate(part))
    there = dict(part.items())
    return there | {key: _put(there.get(key, {}), rest, value)}


def with_values(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of a config with the values of a trial.

    Args:
        config: a resolved config.
        values: dict of path to what a distribution has drawn.

    Example:
        >>> with_values({"batch_size": 64, "l2": 0.0}, {"batch_size": 32, "l2": 1e-4})
        {'batch_size': 32, 'l2': 0.0001}
    """
    for path, value in values.items():
        config = put(config, path, value)
    return dict(config)


def rate_path(config: Mapping[str, Any]) -> str:
    """Returns the path of the number that a config's learning rate begins with, or is, for a space to draw.

    Args:
        config: a resolved config.

    Raises:
        RequestError: it has none.

    Example:
        >>> rate_path({"learning_rate": {"name": "warm_up", "schedule": {"name": "cosine_decay", "initial": 0.1}}})
        'learning_rate.schedule.initial'
    """
    rate, path = config["learning_rate"], "learning_rate"
    while hasattr(rate, "items"):
        key = next((key for key in ("schedule", "initial", "value", "peak", "maximum") if key in rate), None)
        if key is None:
            break
        rate, path = rate[key], f"{path}.{key}"
    if isinstance(rate, bool) or not isinstance(rate, (int, float)):
        raise RequestError(
            f"the config's learning rate, {config['learning_rate']!r}, has no number to draw: name its path"
        )
    return path

"""A space: which values of a config are drawn from what, read from a file and checked against the config."""

import copy
import inspect
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution

import tf_tricks
from tf_tricks import users_code
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
    file = _find(path)
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
        path: `"learning_rate.schedule.initial"`.
        value: what a distribution has drawn.

    Raises:
        RequestError: the config has no such path.

    Example:
        >>> put({"batch_size": 64, "model": {"name": "mlp"}}, "model.dropout", 0.5)
        {'batch_size': 64, 'model': {'name': 'mlp', 'dropout': 0.5}}
    """
    copied = copy.deepcopy(dict(config))
    part, *keys = copied, *path.split(".")
    of_part = False  # below a part with a name: whoever makes it knows its arguments
    for i, key in enumerate(keys):
        if not hasattr(part, "items"):
            above = ".".join(keys[:i])
            hint = f": the config must say dict(name={part!r}, {key}=…) for it" if isinstance(part, str) else ""
            raise RequestError(f"there is no {path} in the config: {above} is {part!r}{hint}")
        of_part = of_part or "name" in part
        if key not in part and not of_part:
            known = [".".join([*keys[:i], other]) for other in (part if i else {**DEFAULTS, **part})]
            raise unknown("config path", ".".join(keys[: i + 1]), known)
        if i < len(keys) - 1:
            part = part.setdefault(key, {})
    part[keys[-1]] = value_of(value)
    return copied


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


def _find(path):
    if os.path.isfile(path):
        return path
    packaged = {file.stem: file for file in sorted(FOLDER.glob("*.py"))}
    if path in packaged:
        return os.fspath(packaged[path])
    folder = os.path.dirname(path)
    names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    there = [os.path.join(folder, name) for name in names if name.endswith(".py")]
    raise unknown("space file", path, there if folder else [*there, *packaged])

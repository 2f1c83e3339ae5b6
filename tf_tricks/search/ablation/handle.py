"""How a trick is read from a config, put into it and taken out of it."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

Config = dict[str, Any]


def _as_it_is(value):
    return value


@dataclasses.dataclass(frozen=True)
class Handle:
    """A trick as far as one config is concerned.

    Attributes:
        own: how the config has it, as `put` takes it; None where it does not.
        default: function of nothing: how it is put into a config that does not have it.
        put: function of a config and a setting that returns the config with it, or without it for None.
        given: function of the value that a user says, `dropout=0.5`, that returns the setting.

    Raises:
        RequestError: `default` and `given` do, where the trick is not for this config.
    """

    own: Any
    default: Callable[[], Any]
    put: Callable[[Config, Any], Config]
    given: Callable[[Any], Any] = _as_it_is


def as_part(value: Any) -> Config:
    """Returns a part of a config as a dict.

    Example:
        >>> as_part("momentum")
        {'name': 'momentum'}
    """
    return {"name": value} if isinstance(value, str) else dict(value)


def without(part: Mapping[str, Any], *names: str) -> Config:
    """Returns a part without some arguments.

    Example:
        >>> without({"name": "mlp", "dropout": 0.5}, "dropout")
        {'name': 'mlp'}
    """
    return {key: value for key, value in part.items() if key not in names}


def takes(make: Callable | None, argument: str) -> bool:
    """Returns whether a class or a function takes an argument; one that is not known may.

    Example:
        >>> takes(as_part, "value"), takes(as_part, "dropout"), takes(None, "dropout")
        (True, False, True)
    """
    if make is None:
        return True
    parameters = inspect.signature(make).parameters
    return argument in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())

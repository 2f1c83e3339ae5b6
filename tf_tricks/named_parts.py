"""Builds parts from their names: what the `get` of every package is made of."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tf_tricks import users_code
from tf_tricks.errors import RequestError, line_of, unknown
from tf_tricks.keras_names import plain
from tf_tricks.registry import KINDS, Entry, article, entries, place_of


def files_of(config: Any) -> list[str]:
    """Returns the paths of the user's files whose classes and functions a config names.

    Args:
        config: any nesting of dicts and lists; a text in it may be `"file:Name"` or a name that a file has registered.
    """
    if hasattr(config, "items"):
        found = [file for _, value in config.items() for file in files_of(value)]
    elif isinstance(config, (list, tuple)):
        found = [file for value in config for file in files_of(value)]
    elif users_code.is_name(config):
        found = users_code.files_with(users_code.find(config).__module__)
    elif isinstance(config, str):
        made = [entries(kind)[config].make for kind in KINDS if config in entries(kind)]
        found = [file for one in made for file in users_code.files_with(place_of(one)[0])]
    else:
        found = []
    return list(dict.fromkeys(found))


class NamedParts:
    """Builds the parts of one kind from a name, a dict or an object.

    Args:
        kind: one of `KINDS`; or what the parts are called, for those that nobody can register.
        others: dict of name to class or function of those that are not registered: Keras's own.

    Example:
        >>> from tf_tricks import schedules
        >>> schedules.get({"name": "step_decay", "initial": 0.1, "epochs": [30], "factor": 0.1})(31.0)
        0.010000000000000002
    """

    def __init__(self, kind: str, others: Mapping[str, Callable] | None = None):
        self.kind = kind
        self.title = KINDS.get(kind, kind)
        self.others = dict(others or {})

    @property
    def entries(self) -> dict[str, Entry]:
        """What can be named, by name."""
        registered = entries(self.kind) if self.kind in KINDS else {}
        own = {name: entry for name, entry in registered.items() if entry.in_configs}
        for name in self.others.keys() & own.keys():
            if not place_of(own[name].make)[0].startswith("tf_tricks."):
                raise RequestError(f"Keras has {article(self.title)} {name!r}: choose another name for one of your own")
        return {name: Entry(self.kind, name, make) for name, make in self.others.items()} | own

    def get(self, identifier: Any, **defaults: Any) -> Any:
        """Returns the part that `identifier` stands for.

        Args:
            identifier: a name; a mapping with the key `"name"` and the part's arguments; or an object, which is
                returned as it is. A name `"file:Name"` or `"package.module:Name"` is that of a class or function of
                one's own, in a file beside the config or in what can be imported.
            **defaults: arguments that the run knows (`total_epochs`, `num_replicas`, …): handed to the part where it
                takes them and the mapping does not give them.

        Raises:
            RequestError: the name or an argument is unknown, missing or unusable.
        """
        if isinstance(identifier, str):
            identifier = {"name": identifier}
        if not isinstance(identifier, Mapping) and not hasattr(identifier, "to_dict"):  # ml_collections' are no Mapping
            return identifier
        arguments = dict(identifier.items())
        name = arguments.pop("name", None)
        if name is None:
            raise RequestError(f"this {self.title} has no 'name': {arguments!r}")
        if not isinstance(name, str):
            raise RequestError(f"the name of {article(self.title)} must be a text, not {name!r}")
        entry = self._entry(name)
        for argument, kind in entry.parts.items():
            if argument in arguments:
                arguments[argument] = _made_parts(kind, arguments, argument, entry.hand_on, defaults)
        return self._build(entry, arguments, defaults)

    def _entry(self, name):
        """The entry that is meant: `"AdamW"` and `"adamw"`, as Keras writes it, are `"adam_w"`."""
        known = self.entries
        if name in known:
            return known[name]
        if users_code.is_name(name):
            made = users_code.find(name)
            same = [entry for entry in self.entries.values() if entry.make is made]  # its file may register it
            return same[0] if same else Entry(self.kind, name, made)
        same = [entry for entry in known if plain(entry) == plain(name)]
        if not same:
            raise unknown(self.title, name, known)
        return known[same[0]]

    def _build(self, entry, arguments, defaults):
        make, called = entry.make, f"the {self.title} {entry.name!r}"
        try:
            parameters = inspect.signature(make).parameters
        except (TypeError, ValueError) as error:
            raise RequestError(f"{called} cannot be made by name: Python does not know its arguments") from error
        named = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        keywords = _keywords_of(make, parameters)
        for key in arguments:
            if key not in named and keywords is not None and key not in keywords:
                raise unknown(f"argument of {called} called", key, named)
        given = {key: value for key, value in defaults.items() if key in named or keywords is None} | arguments
        missing = [p for p in named if parameters[p].default is inspect.Parameter.empty and p not in given]
        if missing:
            hint = "; what is named must make it of these arguments" if users_code.is_name(entry.name) else ""
            raise RequestError(f"{called} needs {', '.join(missing)}{hint}")
        try:
            return make(**given)
        except RequestError:
            raise
        except (TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise RequestError(f"{called} cannot be made{line_of(error)}: {reason}") from error
        except (Exception, SystemExit) as error:  # of code that is not the package's: its author needs the line
            where = line_of(error)
            if not where:
                raise
            raise RequestError(f"{called} cannot be made{where}: {type(error).__name__}: {error}") from error


def _made_parts(kind, arguments, argument, hand_on, defaults):
    """Returns an argument with the parts that it names made."""
    value = arguments[argument]
    if callable(kind):
        return kind(value, arguments, defaults)
    extra = {key: arguments[key] for key in hand_on if key in arguments}

    def made(kind, one):
        one = {"name": one} if isinstance(one, str) else one
        one = extra | dict(one.items()) if hasattr(one, "keys") else one
        return importlib.import_module(f"tf_tricks.{kind}").get(one, **defaults)

    if isinstance(kind, str):
        return made(kind, value)
    return [made(kind[0], one) for one in value] if isinstance(value, (list, tuple)) else value


def _keywords_of(make, parameters):
    """What **keywords can stand for, beside the arguments that have a name; None for anything.

    For a class these are arguments of the classes above, for a function those of the class that it says it returns,
    unless that takes anything, as `keras.Model` does.
    """
    if not any(p.kind == p.VAR_KEYWORD for p in parameters.values()):
        return set()
    try:
        made = make if inspect.isclass(make) else inspect.signature(make, eval_str=True).return_annotation
    except NameError:  # in an annotation of somebody's own
        return set()
    if not inspect.isclass(make) and (made is inspect.Signature.empty or _takes_anything(made)):
        return None
    names = set()
    for base in inspect.getmro(made):
        names |= set(inspect.signature(base.__init__).parameters)
    return names - {"self", "args", "kwargs"}


def _takes_anything(made):
    kinds = [p.kind for p in inspect.signature(made.__init__).parameters.values()] if inspect.isclass(made) else []
    return not inspect.isclass(made) or inspect.Parameter.VAR_POSITIONAL in kinds

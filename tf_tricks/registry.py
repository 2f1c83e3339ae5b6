"""What can be named in a config, by kind and name: `register` adds to it, and the `get` of every package asks it."""

import dataclasses
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

from packaging.version import Version

from tf_tricks import users_code
from tf_tricks.errors import RequestError, line_of, unknown

KINDS = {
    "initializers": "initializer",
    "layers": "layer",
    "losses": "loss",
    "optimizers": "optimizer",
    "callbacks": "callback",
    "schedules": "schedule",
    "augment": "augmentation",
    "models": "model",
    "data": "data set",
    "noise_scale": "noise scale by",
}
"""What the parts of each package are called, in the singular."""

Made = TypeVar("Made", bound=Callable)


@dataclasses.dataclass(frozen=True)
class Entry:
    """Something with a name.

    Attributes:
        kind: one of `KINDS`.
        name: in snake case.
        make: the class or function.
        example: arguments to try it with, where its defaults do not do.
        parts: dict of an argument that is itself a part to its kind, a list of one kind for a list of parts, or a
            function (value, arguments, defaults) that makes it.
        hand_on: arguments that its parts get too, where they do not say them.
        in_configs: whether a config can name it; what works on a model that is there already has only a card.
    """

    kind: str
    name: str
    make: Callable
    example: Mapping = dataclasses.field(default_factory=dict)
    parts: Mapping = dataclasses.field(default_factory=dict)
    hand_on: tuple = ()
    in_configs: bool = True


_ENTRIES: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
_TRICKS: dict[str, dict[str, Callable]] = {kind: {} for kind in KINDS}


def register(
    kind: str,
    name: str,
    example: Mapping[str, Any] | None = None,
    parts: Mapping[str, Any] | None = None,
    hand_on: Iterable[str] = (),
    needs_keras: str = "3.0",
) -> Callable[[Made], Made]:
    """Makes a class or function known by a name, in configs and to the `get` of its package.

    Args:
        kind: a package: `"augment"`, `"callbacks"`, `"data"`, `"initializers"`, `"layers"`, `"losses"`, `"models"`,
            `"optimizers"` or `"schedules"`.
        name: in snake case.
        example: arguments to try it with, where its defaults do not do: the tests over all tricks use them.
        parts: which arguments are parts themselves, named by dicts in a config, and of which kind:
            `{"optimizer": "optimizers"}`, or `{"augmentations": ["augment"]}` for a list.
        hand_on: arguments that its parts get too, where they do not say them.
        needs_keras: the oldest version of Keras with which it works; with an older one it is not known.

    Returns:
        A decorator, which returns the class or function itself.

    Raises:
        RequestError: there is no such kind, or another class or function has this name.

    Example:
        >>> import numpy as np
        >>> import tf_tricks as tt
        >>> @tt.register("augment", "halved")
        ... class Halved(tt.augment.Augmentation):
        ...     def transform(self, batch, draws):
        ...         return batch._replace(images=batch.images / 2)
        >>> augmentation = tt.augment.get("halved")
        >>> float(np.asarray(augmentation(np.ones((1, 2, 2, 1), "float32"))).max())
        0.5
    """
    if Version(version("keras")) < Version(needs_keras):
        return lambda made: made
    return _adder(kind, name, example=dict(example or {}), parts=dict(parts or {}), hand_on=tuple(hand_on))


def card(kind: str, name: str) -> Callable[[Made], Made]:
    """Lists a function of a model among the tricks, where `tf-tricks tricks` shows it; no config can name it.

    Args:
        kind: as in `register`.
        name: in snake case.
    """
    return _adder(kind, name, in_configs=False)


def _adder(kind, name, **fields):
    if kind not in KINDS:
        raise unknown("kind of trick", kind, KINDS)

    def add(made):
        there = _ENTRIES[kind].get(name)
        if there is not None and _place(there.make) != _place(made):
            raise RequestError(
                f"there is {_article(KINDS[kind])} {name!r} already, in {there.make.__module__}: choose another name"
            )
        _ENTRIES[kind][name] = Entry(kind, name, made, **fields)
        _TRICKS[kind][name] = made
        return made

    return add


def forget(kind: str, name: str) -> None:
    """Takes a name away again."""
    del _ENTRIES[kind][name], _TRICKS[kind][name]


def entries(kind: str) -> Mapping[str, Entry]:
    """Returns the `Entry` of each name of a kind; it grows with what is registered."""
    return _ENTRIES[kind]


def tricks(kind: str) -> Mapping[str, Callable]:
    """Returns the class or function of each name of a kind; it grows with what is registered."""
    return _TRICKS[kind]


def discover(package: str) -> None:
    """Imports all modules of a package, so that what they register is known."""
    for module in pkgutil.walk_packages(sys.modules[package].__path__, f"{package}."):
        importlib.import_module(module.name)


class Registry:
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
        own = {name: entry for name, entry in _ENTRIES.get(self.kind, {}).items() if entry.in_configs}
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
        same = [entry for entry in known if _plain(entry) == _plain(str(name))]
        if not same:
            raise unknown(self.title, name, known)
        return known[same[0]]

    def _build(self, entry, arguments, defaults):
        make, called = entry.make, f"the {self.title} {entry.name!r}"
        parameters = inspect.signature(make).parameters
        named = [p.name for p in parameters.values() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters.values())
        for key in arguments:
            if key not in named and not (takes_any and key in _keyword_arguments_of_bases(make)):
                raise unknown(f"argument of {called} called", key, named)
        given = {key: value for key, value in defaults.items() if key in named} | arguments
        missing = [p for p in named if parameters[p].default is inspect.Parameter.empty and p not in given]
        if missing:
            raise RequestError(f"{called} needs {', '.join(missing)}")
        try:
            return make(**given)
        except RequestError:
            raise
        except (TypeError, ValueError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise RequestError(f"{called} cannot be made{line_of(error)}: {reason}") from error
        except Exception as error:  # of code that is not the package's: its author needs the line
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


def _place(made):
    return made.__module__, made.__qualname__


def _article(noun):
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _plain(name):
    return name.replace("_", "").lower()


def _keyword_arguments_of_bases(make):
    """What **keywords can stand for: arguments of the classes above, or of the class that a function makes."""
    made = make if inspect.isclass(make) else inspect.signature(make, eval_str=True).return_annotation
    names = set()
    for base in inspect.getmro(made) if inspect.isclass(made) else ():
        names |= set(inspect.signature(base.__init__).parameters)
    return names - {"self", "args", "kwargs"}

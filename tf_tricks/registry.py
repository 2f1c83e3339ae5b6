"""What can be named in a config, by kind and name: `register` adds to it."""

import dataclasses
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

from packaging.version import Version

from tf_tricks.errors import RequestError, unknown

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

PACKAGE_OF = {"noise_scale": "schedules"}
"""Where a kind is not that of its package."""

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

    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise RequestError(f"a name must be a text in snake case, such as 'my_part', not {name!r}")
    for argument, part in fields.get("parts", {}).items():
        for one in [part] if isinstance(part, str) else part if isinstance(part, list) else []:
            if one not in KINDS:
                raise unknown(f"kind of part for the argument {argument!r} called", one, KINDS)

    def add(made):
        if not callable(made):
            raise RequestError(
                f"{name!r} must be a class or a function that makes {article(KINDS[kind])}, not {made!r}"
            )
        if not place_of(made)[0].startswith("tf_tricks."):
            importlib.import_module(f"tf_tricks.{PACKAGE_OF.get(kind, kind)}")  # its own names come first
        there = _ENTRIES[kind].get(name)
        if there is not None and not _is_same(there.make, made):
            raise RequestError(
                f"there is {article(KINDS[kind])} {name!r} already, in {place_of(there.make)[0]}: choose another name"
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


def place_of(made: Any) -> tuple[str, str]:
    """Returns the module and the name of a class or function, or of what a `functools.partial` calls."""
    made = getattr(made, "func", made)  # of a functools.partial
    return getattr(made, "__module__", None) or "", getattr(made, "__qualname__", "<object>")


def _is_same(one, other):
    """Whether it is the same class or function, or one whose definition has been run again, as in a notebook."""
    return one is other or (place_of(one) == place_of(other) and "<" not in place_of(one)[1])


def article(noun: str) -> str:
    """Returns a noun with its article."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"

"""All tricks with their cards: what `tf-tricks tricks` shows. A card is the docstring."""

import importlib
import inspect

from tf_tricks.errors import unknown

PACKAGES = ("initializers", "layers", "losses", "optimizers", "callbacks", "schedules", "augment")


def all_tricks():
    """Returns a dict of package to dict of name to the class or function.

    Example:
        >>> all_tricks()["optimizers"]["lars"].__name__
        'LARS'
    """
    return {package: importlib.import_module(f"tf_tricks.{package}").TRICKS for package in PACKAGES}


def listing():
    """Returns every trick with one line, by package."""
    lines = []
    for package, tricks in all_tricks().items():
        width = max(map(len, tricks))
        lines += [package, *(f"  {name:<{width}}  {first_line(trick)}" for name, trick in tricks.items()), ""]
    return "\n".join([*lines, "tf-tricks tricks NAME prints the card of one."])


def card(name):
    """Returns the card of a trick.

    Args:
        name: its name, or `package/name` where two packages have the same.

    Raises:
        RequestError: there is none of this name.
    """
    named = {}
    for package, tricks in all_tricks().items():
        for own, trick in tricks.items():
            for key in (own, f"{package}/{own}"):
                named.setdefault(key, []).append((package, own, trick))
    if name not in named:
        raise unknown("trick", name, [key for key in named if "/" not in key])
    cards = [f"{package}/{own}\n\n{inspect.getdoc(trick)}" for package, own, trick in named[name]]
    return "\n\n---\n\n".join(cards)


def first_line(trick):
    """Returns the first line of a card."""
    return inspect.getdoc(trick).splitlines()[0]

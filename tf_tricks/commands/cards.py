"""All tricks with their cards: what `tf-tricks tricks` shows. A card is the docstring.

They are read from the source, where `register` and `card` name them: importing it would take seconds.
"""

import ast
import dataclasses
import difflib
import functools
import inspect
from importlib.metadata import version
from pathlib import Path

from packaging.version import Version

from tf_tricks.config.config_keys import KEYS
from tf_tricks.errors import RequestError
from tf_tricks.keras_names import plain

PACKAGES = ("initializers", "layers", "losses", "optimizers", "callbacks", "schedules", "augment", "models", "data")
"""In the order of the list."""

CONFIG = "config"
"""Where the keys of a config are listed."""

_PACKAGE = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Card:
    """A trick, a model, a data set or a key of a config.

    Attributes:
        package: where it is listed.
        name: in snake case.
        text: its docstring.
        path: of the source.
        line: where it begins there.
    """

    package: str
    name: str
    text: str
    path: Path
    line: int

    @property
    def first_line(self) -> str:
        """What the list says."""
        return self.text.splitlines()[0]

    def __str__(self):
        return f"{self.package}/{self.name}\n\n{self.text}\n\nSource: {self.path}, line {self.line}"


@functools.cache
def cards() -> tuple[Card, ...]:
    """Returns the card of everything that can be named.

    Example:
        >>> [card.first_line for card in cards() if card.name == "lars"]
        ['LARS: momentum with a learning rate for each layer, for very large batches.']
    """
    found = []
    for package in PACKAGES:
        for path in sorted((_PACKAGE / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "@register(" in text or "@card(" in text or "@schedule" in text:
                found += _cards_in(ast.parse(text), path)
    keys = _PACKAGE / "config" / "config_keys.py"
    lines = keys.read_text(encoding="utf-8").splitlines()
    for name, key in KEYS.items():
        number = next(n for n, line in enumerate(lines, start=1) if line.startswith(f'    "{name}": '))
        found.append(Card(CONFIG, name, f"{key.meaning}\n\nDefault: {key.default!r}", keys, number))
    return tuple(sorted(found, key=lambda card: (*PACKAGES, CONFIG).index(card.package)))


def listing() -> str:
    """Returns everything that can be named with one line, by package."""
    lines = []
    for package in (*PACKAGES, CONFIG):
        own = [card for card in cards() if card.package == package]
        width = max(len(card.name) for card in own)
        lines += [package, *(f"  {card.name:<{width}}  {card.first_line}" for card in own), ""]
    return "\n".join([*lines, "tf-tricks tricks NAME prints the card of one."])


def card(name: str) -> str:
    """Returns the card of a trick, a model, a data set or a config key, with the path of its source at the end.

    Args:
        name: its name, or `package/name` where two packages have the same.

    Raises:
        RequestError: there is none of this name.
    """
    named = [card for card in cards() if plain(name) in map(plain, (card.name, f"{card.package}/{card.name}"))]
    if not named:
        every = list(dict.fromkeys(card.name for card in cards()))
        near = difflib.get_close_matches(name.lower().split("/")[-1], every, n=3, cutoff=0.0)
        raise RequestError(
            f"there is no trick {name!r}; the nearest are {', '.join(map(repr, near))} (tf-tricks tricks lists all)"
        )
    return "\n\n---\n\n".join(map(str, named))


def _cards_in(tree, path):
    for node in tree.body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        for decorator in node.decorator_list:
            named = _named_by(decorator, node)
            if named is not None and named[0] in PACKAGES:
                docstring = inspect.cleandoc(ast.get_docstring(node, clean=False))
                yield Card(*named, docstring, path, node.lineno)


def _named_by(decorator, node):
    """Returns the package and the name that a decorator gives, if it gives any with the installed Keras."""
    call = decorator if isinstance(decorator, ast.Call) else None
    function = ast.unparse(call.func if call else decorator).split(".")[-1]
    if function == "schedule":
        return "schedules", node.name
    if function not in ("register", "card"):
        return None
    for keyword in call.keywords:
        if keyword.arg == "needs_keras" and Version(version("keras")) < Version(ast.literal_eval(keyword.value)):
            return None
    return tuple(ast.literal_eval(argument) for argument in call.args[:2])

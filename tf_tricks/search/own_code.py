"""Names of the user's own code in a config, written so that they hold wherever a config lies that says them."""

import re
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tf_tricks import users_code
from tf_tricks.registry import KINDS, entries, place_of


def anywhere(config: Any) -> tuple[Any, list[str]]:
    """Returns a config whose names of the user's own code hold in any folder, and the lines of Python that it needs.

    A name `"file:Name"` gets the absolute path of its file. What cannot be named by a path, a module of a package or a
    name that a file registers, needs a line.

    Args:
        config: any nesting of dicts and lists.

    Example:
        >>> anywhere({"schedule": {"name": "fractions:Fraction", "initial": 0.1}})
        ({'schedule': {'name': 'fractions:Fraction', 'initial': 0.1}}, [])
    """
    lines: list[str] = []
    return _anywhere(config, lines), list(dict.fromkeys(lines))


def _anywhere(part, lines):
    if hasattr(part, "items"):
        return {key: _anywhere(value, lines) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return type(part)(_anywhere(value, lines) for value in part)
    if users_code.is_name(part):
        return _named(part, lines)
    if isinstance(part, str):
        _registered(part, lines)
    return part


def _named(name, lines):
    """The name by which the same is found from any folder."""
    made, attribute = users_code.find(name), name.partition(":")[2]
    stem = re.split("[./]", name.partition(":")[0].removesuffix(".py"))[-1]
    for module in list(sys.modules.values()):
        file = _own_file(module)
        if file and stem in (file.stem, file.parent.name) and vars(module).get(attribute) is made:
            if _in_package(module):
                lines.append(_search_in(_root(module, file)))
                return f"{module.__name__}:{attribute}"
            absolute = f"{file.with_suffix('').as_posix()}:{attribute}"
            if users_code.is_name(absolute):
                return absolute
            lines.append(_search_in(file.parent))  # a folder whose name has a space, say
            return f"{file.stem}:{attribute}"
    return name


def _registered(name, lines):
    """Adds what registers a name that is not the package's own."""
    for kind in KINDS:
        if name in entries(kind):
            module = sys.modules.get(place_of(entries(kind)[name].make)[0])
            file = _own_file(module)
            if file and _in_package(module):
                lines += [_search_in(_root(module, file)), f"importlib.import_module({module.__name__!r})"]
            elif file:
                lines.append(f"users_code.run_file({str(file)!r})")


def _own_file(module):
    """The file of a module that is the user's: not installed, and not this package's; else None."""
    file = getattr(module, "__file__", None)
    if not file or module.__name__.split(".")[0] in ("tf_tricks", "__main__"):
        return None
    paths = sysconfig.get_paths()
    installed = [Path(paths[key]) for key in ("stdlib", "purelib", "platlib")]
    file = Path(file).absolute()
    return None if any(file.is_relative_to(folder) for folder in installed) else file


def _in_package(module):
    parts = module.__name__.split(".")  # a file that is run by its path has the path in its name
    return (len(parts) > 1 or hasattr(module, "__path__")) and all(part.isidentifier() for part in parts)


def _root(module, file):
    """The folder that a package lies in."""
    depth = module.__name__.count(".") + (1 if file.name == "__init__.py" else 0)
    return file.parents[depth]


def _search_in(folder):
    return f"users_code.search_in({str(folder)!r})"

"""Code of the user's that a config names: found, run, and its errors told with their line."""

import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any

from tf_tricks.errors import RequestError, unknown

_folders: list[str] = []


def search_in(folder: str) -> None:
    """Looks for files that configs name in this folder first: that of the config."""
    folder = os.path.abspath(folder)
    if folder in _folders:
        _folders.remove(folder)
    _folders.insert(0, folder)


def folders() -> list[str]:
    """Returns the folders in which files are looked for before the working directory."""
    return list(_folders)


def is_name(name: Any) -> bool:
    """Returns whether this is the name of something of the user's, `"file:Name"`."""
    return isinstance(name, str) and bool(re.fullmatch(r"[\w./-]+:[A-Za-z_]\w*", name))


def find(name: str) -> Callable:
    """Returns the class or function that `"file:Name"` or `"package.module:Name"` stands for.

    A file is looked for in the config's folder, then in the working directory; then the module among those that can be
    imported.

    Args:
        name: of the file without `.py`, or of the module; a colon; the name in it.

    Raises:
        RequestError: there is no such file or module, it cannot be run, or has nothing of this name that can be called.

    Example:
        >>> find("fractions:Fraction").__name__
        'Fraction'
    """
    module_name, _, attribute = name.partition(":")
    module = _module(module_name.removesuffix(".py"), name)
    public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    if attribute not in public:
        raise unknown(f"class or function in {module.__file__ or module_name} called", attribute, public)
    return getattr(module, attribute)


def call(named: str, file: str, function: Callable, *arguments: Any) -> Any:
    """Returns what a function of the user's returns; whatever it raises becomes a sentence.

    Args:
        named: what the sentence calls it, `"the config 'mine.py'"`.
        file: that the function is in.
        function: to call.
        *arguments: of the function.

    Raises:
        RequestError: the function raises.
    """
    try:
        return function(*arguments)
    except SyntaxError as error:
        raise RequestError(f"{named} has a mistake in line {error.lineno}: {error.msg}") from error
    except Exception as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        raise RequestError(f"{named} cannot be used{_line_in(file, error)}: {kind}{error}") from error


def _line_in(file, error):
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f", line {lines[-1]}" if lines else ""


_loaded: dict[str, Any] = {}


def _module(module_name, name):
    for folder in [*_folders, os.getcwd()]:
        path = os.path.join(folder, *module_name.split(".")) + ".py"
        if os.path.isfile(path):
            return _loaded.get(path) or _run(module_name, path, folder)
    try:
        return call(f"{module_name!r} of {name!r}", "", importlib.import_module, module_name)
    except RequestError as error:
        if isinstance(error.__cause__, ModuleNotFoundError) and error.__cause__.name in module_name:
            places = " or ".join(dict.fromkeys([*_folders, os.getcwd()]))
            raise RequestError(
                f"there is no file {module_name}.py in {places}, and no module {module_name!r}"
            ) from None
        raise


def _run(module_name, path, folder):
    """Runs a file as a module; those beside it can be imported by it, after all that is installed."""
    if folder not in sys.path:
        sys.path.append(folder)
    # A name of its own where another module has this one: a file called random.py takes nothing from Python.
    own_name = module_name if module_name not in sys.modules else f"{module_name} of {path}"
    spec = importlib.util.spec_from_file_location(own_name, path)
    module = sys.modules[own_name] = importlib.util.module_from_spec(spec)
    try:
        call(f"the file {path!r}", path, spec.loader.exec_module, module)
    except RequestError:
        del sys.modules[own_name]
        raise
    _loaded[path] = module
    return module

"""Code of the user's that a config names: found, run once, and its errors told with their line."""

import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import re
import sys
from collections.abc import Callable
from typing import Any

from tf_tricks.errors import RequestError, line_of, unknown

_folders: list[str] = []
_loaded: dict[str, Any] = {}  # path to module


def search_in(folder: str) -> None:
    """Looks for files that configs name in this folder first, that of the config; its files can be imported, too."""
    folder = os.path.abspath(folder)
    if folder in _folders:
        _folders.remove(folder)
    _folders.insert(0, folder)
    if folder not in sys.path:
        sys.path.append(folder)  # after all that is installed: a file called random.py takes nothing from Python


def files_with(module_name: str) -> list[str]:
    """Returns the path of the user's file that has been run as this module, in a list; none if it is no such module."""
    return [path for path, module in _loaded.items() if module.__name__ == module_name]


def classes() -> dict[str, type]:
    """Returns the classes of the user's files by their names, for Keras to load a model that has some of them.

    What a file imports is not its own: a `Dropout` of this package must not stand in for Keras's.
    """
    found = [
        (module, value) for module in _loaded.values() for value in vars(module).values() if inspect.isclass(value)
    ]
    return {value.__name__: value for module, value in found if value.__module__ == module.__name__}


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
    module = _module(module_name.removesuffix(".py"))
    public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
    if attribute not in public:
        raise unknown(f"class or function in {module.__file__ or module_name} called", attribute, public)
    return getattr(module, attribute)


def run_file(path: str) -> Any:
    """Returns the module of a file of the user's, which is run once.

    Raises:
        RequestError: it cannot be run.
    """
    path = os.path.abspath(path)
    if path in _loaded:
        return _loaded[path]
    for module in list(sys.modules.values()):  # a neighbour has imported it already
        if getattr(module, "__file__", None) == path and module.__name__ != "__main__":
            _loaded[path] = module
            return module
    if not path.startswith(os.path.dirname(os.path.abspath(__file__)) + os.sep):  # as a packaged config does
        search_in(os.path.dirname(path))
    name = os.path.basename(path).removesuffix(".py")
    # A name of its own where there is another module of this name, installed or Python's own.
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    own_name = name if spec is not None and spec.origin == path and name not in sys.modules else f"{name} of {path}"
    loader = importlib.machinery.SourceFileLoader(own_name, path)  # whatever the file's name ends with
    spec = importlib.util.spec_from_loader(own_name, loader)
    module = sys.modules[own_name] = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    _loaded[path] = module
    try:
        call(f"the file {path!r}", path, loader.exec_module, module)
    except RequestError:
        del sys.modules[own_name], _loaded[path]
        raise
    return module


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
        where = f"line {error.lineno}" if error.filename == file else f"{error.filename}, line {error.lineno}"
        raise RequestError(f"{named} has a mistake in {where}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        where = line_of(error)
        if where.startswith(f" ({file}, "):  # which the sentence names already
            where = where.replace(f" ({file}, ", ", ").removesuffix(")")
        raise RequestError(f"{named} cannot be used{where}: {kind}{error}") from error


def _module(name):
    places = list(dict.fromkeys([*_folders, os.getcwd()]))
    for folder in places:
        path = os.path.normpath(os.path.join(folder, name))
        for file in (f"{path}.py", os.path.join(folder, *name.split(".")) + ".py"):
            if os.path.isfile(file):
                return _of_package(file, folder) or run_file(file)
        for package in (path, os.path.join(folder, *name.split("."))):
            if os.path.isfile(os.path.join(package, "__init__.py")):
                return _of_package(os.path.join(package, "__init__.py"), folder)
    missing = RequestError(f"there is no file {name}.py in {' or '.join(places)}, and no module {name!r}")
    if not all(part.isidentifier() for part in name.split(".")):
        raise missing
    try:
        return call(f"the module {name!r}", "", importlib.import_module, name)
    except RequestError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and f"{name}.".startswith(f"{cause.name}."):
            raise missing from None
        raise


def _of_package(file, folder):
    """Returns the module of a file in a package of the user's, imported as Python does; None if it is in none."""
    parts = os.path.relpath(file, folder).removesuffix(".py").split(os.sep)
    if len(parts) < 2 or not os.path.isfile(os.path.join(folder, parts[0], "__init__.py")):
        return None
    search_in(folder)
    module = call(f"the file {file!r}", file, importlib.import_module, ".".join(parts).removesuffix(".__init__"))
    _loaded.setdefault(file, module)
    return module

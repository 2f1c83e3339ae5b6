"""The configs that come with the package, and how they are found by their bare names."""

import ast
import os
from collections.abc import Mapping
from pathlib import Path

import tf_tricks
from tf_tricks.errors import RequestError, unknown
from tf_tricks.storage import fetched, is_remote, path_of

FOLDER = Path(tf_tricks.__file__).parent / "configs"


def files() -> dict[str, Path]:
    """Returns a dict of each packaged config's name to its file.

    Example:
        >>> files()["digits"].name
        'digits.py'
    """
    return {file.stem: file for file in sorted(FOLDER.glob("*.py"))}


def find(path: str, kind: str, packaged: Mapping[str, Path]) -> str:
    """Returns the path of a file: as given, of the packaged one of this name, or of the copy of a remote one.

    Args:
        path: a file, or the bare name of a packaged one.
        kind: what it is called in the sentence, `"config file"`.
        packaged: dict of name to file.

    Raises:
        RequestError: there is neither.

    Example:
        >>> find("digits", "config file", files()).endswith("digits.py")
        True
    """
    if is_remote(path):
        place = path_of(path)
        if not place.is_file():
            raise RequestError(f"there is no {kind} {path!r}")
        return fetched(place)
    if os.path.isfile(path):
        return path
    if path in packaged:
        return os.fspath(packaged[path])
    folder = os.path.dirname(path)
    names = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    there = [os.path.join(folder, name) for name in names if name.endswith(".py")]
    raise unknown(kind, path, there if folder else [*there, *packaged])


def listing() -> str:
    """Returns a line for each packaged config: its name and the first line of its file.

    Example:
        >>> listing().splitlines()[1].split()[:3]
        ['digits', 'A', 'convnet']
    """
    first_lines = {
        name: ast.get_docstring(ast.parse(file.read_text())).splitlines()[0]  # type: ignore[union-attr]
        for name, file in files().items()
    }
    width = max(map(len, first_lines))
    return "\n".join(f"{name:<{width}}  {line}" for name, line in first_lines.items())

"""The configs that come with the package, and how they are found by their bare names."""

import ast
from pathlib import Path

import tf_tricks

FOLDER = Path(tf_tricks.__file__).parent / "configs"


def files() -> dict[str, Path]:
    """Returns a dict of each packaged config's name to its file.

    Example:
        >>> files()["digits"].name
        'digits.py'
    """
    return {file.stem: file for file in sorted(FOLDER.glob("*.py"))}


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

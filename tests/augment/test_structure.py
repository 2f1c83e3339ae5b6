"""Which files know where they run, and which files stand above which."""

import ast
from pathlib import Path

import pytest

import tf_tricks

AUGMENT = Path(tf_tricks.__file__).parent / "augment"
FILES = sorted(path.relative_to(AUGMENT).as_posix() for path in AUGMENT.rglob("*.py"))
KNOW_WHERE_THEY_RUN = ("dispatch.py", "functional/", "randomness/pixels.py", "policies/choose.py")
FLOORS = [
    ("arguments", "dispatch"),
    ("functional",),
    ("randomness",),
    ("augmentation",),
    ("geometry", "colour", "occlusion", "mixing", "policies"),
    ("__init__",),
]


def imported(file):
    """Every module that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse((AUGMENT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def floor(name):
    (number,) = [number for number, names in enumerate(FLOORS) if name in names]
    return number


@pytest.mark.parametrize("file", [file for file in FILES if not file.startswith(KNOW_WHERE_THEY_RUN)])
def test_what_a_trick_is_does_not_depend_on_where_it_runs(file):
    assert [name for name in imported(file) if name.split(".")[0] == "tensorflow" or name.endswith("dispatch")] == []


@pytest.mark.parametrize("file", FILES)
def test_each_file_imports_from_the_floors_below(file):
    own = file.removesuffix(".py").split("/")[0]
    prefix = "tf_tricks.augment."
    below = {name.removeprefix(prefix).split(".")[0] for name in imported(file) if name.startswith(prefix)} - {own}
    if own != "__init__":
        assert [name for name in below if floor(name) >= floor(own)] == []

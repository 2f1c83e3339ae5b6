"""Every public signature has types."""

import ast
from pathlib import Path

import pytest

import tf_tricks

PACKAGE = Path(tf_tricks.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if "configs/" not in str(path))


def public(body, inside=""):
    """Yields the public functions and methods, and what makes an object, with their names."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and (
            not node.name.startswith("_") or node.name in ("__init__", "__call__")
        ):
            yield f"{inside}{node.name}", node


def untyped(name, node):
    """Yields what has no type; of `**keywords`, and of what Python calls with an object, nothing is asked."""
    arguments = node.args
    own = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for argument in own[1:] if "." in name and own and own[0].arg in ("self", "cls") else own:
        if argument.annotation is None:
            yield f"{name}({argument.arg})"
    if node.returns is None and not name.endswith("__init__"):
        yield f"{name}() ->"


@pytest.mark.parametrize("file", FILES)
def test_public_signatures_have_types(file):
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    assert [missing for name, node in public(tree.body) for missing in untyped(name, node)] == []

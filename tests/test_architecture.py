"""The page on the architecture: its picture is that of today's imports, and what it names exists."""

import ast
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WAYS = re.findall(r"^## (The way of .*)\n\n((?:\d+\. .*\n)+)", PAGE, re.MULTILINE)
HOPS = [hop for _, hops in WAYS for hop in re.findall(r"^\d+\. `(.+?)` `(.+?)`", hops, re.MULTILINE)]
MOST = {"batch": 10, "learning rate": 8, "checkpoint": 10, "name on the command line": 4}


def defined(tree, inside=""):
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield f"{inside}{node.name}"
            yield from defined(node, f"{inside}{node.name}.")


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "docs" / "draw_architecture.py"))


def test_the_picture_is_that_of_the_imports(script):
    assert script["PICTURE"].read_text(encoding="utf-8") == script["drawing"](), "run docs/draw_architecture.py"


def test_nothing_imports_in_a_circle(script):
    assert sum(map(len, script["floors"](script["arrows"]()))) == len(script["boxes"]())


def test_each_way_is_as_short_as_promised():
    assert {title.removeprefix("The way of a ") for title, _ in WAYS} == set(MOST)
    for title, hops in WAYS:
        assert len(hops.splitlines()) <= MOST[title.removeprefix("The way of a ")]
        assert len(re.findall(r"^\d+\. `.+?` `.+?`", hops, re.MULTILINE)) == len(hops.splitlines())


@pytest.mark.parametrize(("file", "name"), HOPS)
def test_what_a_way_names_exists(file, name):
    assert name in defined(ast.parse((ROOT / "tf_tricks" / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z_]+/|[a-z_]+\.py)`", PAGE))))
def test_a_file_that_is_named_exists(name):
    assert list((ROOT / "tf_tricks").rglob(name.rstrip("/")))


@pytest.mark.parametrize("path", sorted((ROOT / "tf_tricks").rglob("*.py")), ids=lambda path: path.name)
def test_a_file_fits_a_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_no_file_has_a_name_of_pythons_own():
    import sys

    names = {path.stem for path in (ROOT / "tf_tricks").rglob("*.py")}
    assert names & set(sys.stdlib_module_names) == set()

"""Which tests answer for a module, and running them in a process forked from one that has TensorFlow loaded.

The parent imports TensorFlow, which takes seconds, but neither runs an operation nor imports tf_tricks; each child
imports the package from a copy of the tree, as it is by then, and runs pytest in it.
"""

import ast
import math
import multiprocessing
import os
import re
import signal
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import hypothesis  # noqa: F401
import keras  # noqa: F401
import pytest
import sklearn.datasets  # noqa: F401
import tensorflow as tf  # noqa: F401

FAST, SLOW = "not slow and not tpu_compiler", "slow or tpu_compiler"


class Responsible:
    """The tests that answer for a module of a package: its own, and those that name what it or its users define.

    Args:
        tree: path of the repository's root, or of a copy.
        module: path of the module in it, such as `tf_tricks/optimizers/lamb.py`.
    """

    def __init__(self, tree, module):
        self.package, stem = module.parent.name, module.stem
        folder = tree / "tests" / self.package
        candidates = [folder / f"test_{stem}.py", folder / f"test_{self.package}_{stem}.py"]
        self.own = [path for path in candidates if path.exists()]
        users = [tree / module, *self._importing(tree, stem)]
        self._names = {name for path in users for name in _public_names(path)}
        self.tricks = self._tricks(tree, {path.stem for path in users})
        mentions = {path: self._mentions(path.read_text()) for path in folder.glob("test_*.py") if path not in self.own}
        naming = [path for path in mentions if mentions[path]] or list(mentions)
        self.others = sorted(naming, key=lambda path: (-mentions[path], path))
        self.module = ".".join(module.with_suffix("").parts).removesuffix(".__init__")

    def _importing(self, tree, stem):
        pattern = rf"from tf_tricks\.{self.package}(\.{stem} import|.* import (.*, )?{stem}\b)"
        paths = (tree / "tf_tricks" / self.package).glob("*.py")
        return [path for path in paths if path.stem != "__init__" and re.search(pattern, path.read_text())]

    def _tricks(self, tree, stems):
        """Returns the names under which the package's `__init__` lists what the modules define."""
        entries = ast.walk(ast.parse((tree / "tf_tricks" / self.package / "__init__.py").read_text()))
        pairs = [pair for entry in entries if isinstance(entry, ast.Dict) for pair in zip(entry.keys, entry.values)]
        named = [(key.value, ast.unparse(value)) for key, value in pairs if isinstance(key, ast.Constant)]
        return [name for name, value in named if value in self._names or value.split(".")[0] in stems]

    def _mentions(self, text):
        """Returns how often a test names what the module or its users define."""
        words = [rf"\b{name}\b" for name in self._names] + [f'"{name}"' for name in self.tricks]
        return len(re.findall("|".join(words), text)) if words else 0

    def stages(self, tree):
        """Returns pairs (paths, marker expression), the likeliest to notice anything first."""
        rest = [tree / "tests" / "test_doctests.py", *self.others]
        rest += [tree / "tests" / "tricks"] if self.tricks else []
        own = self.own or self.others[:1]
        return [(self.own, FAST)] * bool(self.own) + [(rest, FAST), (own, SLOW)]

    def answers(self, nodeid):
        """Whether a test of all modules or of all tricks is about this one."""
        if nodeid.startswith("tests/test_doctests.py"):
            return nodeid.endswith(f"[{self.module}]")
        if nodeid.startswith("tests/tricks/"):
            return any(f"[{self.package}-{name}]" in nodeid for name in self.tricks)
        return True


def _public_names(path):
    body = ast.parse(path.read_text()).body
    defined = [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return [name for name in defined if not name.startswith("_") and name != "get"]


class Recorder:
    """A plugin of pytest that writes to a file which test runs and which fail."""

    def __init__(self, path, responsible):
        self._file = open(path, "w", buffering=1)
        self._responsible = responsible

    def pytest_collection_modifyitems(self, items):
        """Leaves out the tests that answer for other modules."""
        if self._responsible is not None:
            items[:] = [item for item in items if self._responsible.answers(item.nodeid)]

    def pytest_collectreport(self, report):
        """A module that cannot even be imported is noticed."""
        if report.failed:
            print("failed", report.nodeid, file=self._file)

    def pytest_runtest_logstart(self, nodeid):
        """A test begins."""
        print("run", nodeid, file=self._file)

    def pytest_runtest_logreport(self, report):
        """A test, or what sets it up, has ended."""
        if report.failed:
            print("failed", report.nodeid, file=self._file)


def failures(tree, arguments, limit, patience=math.inf, responsible=None):
    """Runs pytest in a forked process; returns the names of what failed.

    Args:
        tree: path of the copy in which it runs.
        arguments: pytest's.
        limit: seconds after which a test that still runs has failed.
        patience: seconds after which the tests that are left are not run.
        responsible: chooses among the tests, or None for all of them.
    """
    record = tree / "record.txt"
    record.write_text("")
    arguments = [*map(str, arguments), "-p", "no:cacheprovider", "-p", "no:xdist"]
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_run, args=(tree, arguments, record, responsible))
    process.start()
    try:
        late = _wait(process, record, limit, patience)
    finally:
        _kill(process)
    stopped = process.exitcode == -signal.SIGKILL and not late
    lines = record.read_text().splitlines()
    failed = [line.removeprefix("failed ") for line in lines if line.startswith("failed ")]
    last = lines[-1].removeprefix("run ") if lines else "collection"
    if late:
        return [*failed, f"{last} (over {limit} s)"]
    if process.exitcode not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not (failed or stopped):
        return [f"{last} (ended with {process.exitcode})"]
    return failed


def _kill(process):
    """Ends a process and what its tests may have left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.join()


def _wait(process, record, limit, patience):
    """Waits for the end, or for the patience's; returns whether one test took longer than the limit."""
    began, size, since = time.monotonic(), 0, time.monotonic()
    while process.is_alive():
        if record.stat().st_size != size:
            size, since = record.stat().st_size, time.monotonic()
        if time.monotonic() - since > limit:
            return True
        if time.monotonic() - began > patience:
            return False
        process.join(0.02)
    return False


def _run(tree, arguments, record, responsible):
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    output = os.open(Path(tree) / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(output, number)
    os.chdir(tree)
    sys.path[0] = str(tree)  # in place of this folder
    sys.dont_write_bytecode = True  # by time and size, a mutant's would pass for another's
    os.environ |= {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.exit(int(pytest.main(arguments, plugins=[Recorder(record, responsible)])))

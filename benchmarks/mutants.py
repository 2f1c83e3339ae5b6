"""Mutation testing: a random sample of small changes to the package, and which test notices each.

    python benchmarks/mutants.py [--sample=200] [--seed=0] [--only=tf_tricks/optimizers] [--log=/tmp/mutants.jsonl]

A change that no test notices is either equivalent (the program computes the same) or a test that is missing. Each
mutant is made in a copy of the tree, and the tests that answer for its module run on it up to the first failure: the
module's own, then those that name what it or its users define, then its own slow ones; each of the three only as long
as `--patience` lasts. With `--log`, an interrupted sampling goes on where it was, and `--survivors` tries those of the
log again, after tests have been written or with more patience.
"""

import argparse
import compileall
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from py_compile import PycInvalidationMode

from mutant_tests import Responsible, failures
from mutations import mutations

ROOT = Path(__file__).parent.parent
PACKAGES = (
    "augment",
    "callbacks",
    "data",
    "initializers",
    "layers",
    "losses",
    "optimizers",
    "schedules",
    "tpu",
    "training",
)
NOT_COPIED = shutil.ignore_patterns(".git", ".venv*", "runs", "__pycache__", ".*_cache", ".hypothesis")


def population(only):
    """Returns all mutants (path of the module, mutation) of modules whose path begins so."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / "tf_tricks" / package).glob("*.py"))]
    paths = [path.relative_to(ROOT) for path in paths]
    chosen = [path for path in paths if str(path).startswith(only)]
    return [(path, mutation) for path in chosen for mutation in mutations((ROOT / path).read_text())]


def key(path, mutation):
    """Returns what tells a mutant from all others."""
    return {
        "file": str(path),
        "line": mutation.line,
        "begin": mutation.begin,
        "end": mutation.end,
        "old": mutation.old,
        "new": mutation.new,
    }


def read(log):
    """Returns the results of the log by the mutant's key as text; the last of each counts."""
    lines = log.read_text().splitlines() if log is not None and log.exists() else []
    results = [json.loads(line) for line in lines]
    return {json.dumps({k: result[k] for k in list(result)[:6]}): result for result in results}


def copied(folder):
    """Copies the tree and compiles it, so that only what is mutated is compiled anew; returns the copy's path."""
    tree = Path(folder) / "tree"
    shutil.copytree(ROOT, tree, ignore=NOT_COPIED)
    compileall.compile_dir(tree / "tf_tricks", quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
    return tree


def noticed_by(tree, path, mutation, limit, patience, tests):
    """Returns the first test that fails on the mutant, or None; of those given, or of those that answer for it."""
    source = (tree / path).read_text()
    responsible = None if tests else Responsible(tree, path)
    runs = [tests] if tests else [["-m", marker, *paths] for paths, marker in responsible.stages(tree)]
    (tree / path).write_text(mutation.of(source))
    try:
        for run in runs:
            failed = failures(tree, ["-x", *run], limit, patience, responsible)
            if failed:
                return failed[0]
    finally:
        (tree / path).write_text(source)
    return None


def told(result):
    """Returns the line about a mutant."""
    outcome = f"noticed by {result['noticed']}" if result["noticed"] else "SURVIVED"
    change = f"{result['old']} → {result['new']}"
    return f"{result['file']}:{result['line']}: {change}: {outcome} ({result['seconds']:.0f} s)"


def summary(results):
    """Returns the table by package."""
    packages = [Path(result["file"]).parent.name for result in results]
    noticed = Counter(package for package, result in zip(packages, results) if result["noticed"])
    rows = [(package, number, noticed[package]) for package, number in sorted(Counter(packages).items())]
    rows.append(("all", len(results), noticed.total()))
    return "\n".join(
        f"{name:<14} {found:4d} of {number:4d} noticed, {found / number:.1%}" for name, number, found in rows
    )


def false_alarms(tree, results, limit):
    """Returns the noticing tests that fail without any mutation: their mutants may have survived."""
    tests = sorted({result["noticed"] for result in results if result["noticed"] and "::" in result["noticed"]})
    return failures(tree, [test for test in tests if not test.endswith(")")], limit) if tests else []


def chosen(arguments):
    """Returns the mutants to try, and the results that are known of them; see `read`."""
    known = read(arguments.log)
    mutants = population(arguments.only)
    if arguments.survivors:
        survived = {name for name, result in known.items() if not result["noticed"]}
        return [mutant for mutant in mutants if json.dumps(key(*mutant)) in survived], {}
    return random.Random(arguments.seed).sample(mutants, min(arguments.sample, len(mutants))), known


def tried(tree, path, mutation, arguments):
    """Returns the result of a mutant, and adds it to the log."""
    began = time.monotonic()
    noticed = noticed_by(tree, path, mutation, arguments.limit, arguments.patience, arguments.tests)
    result = key(path, mutation) | {"noticed": noticed, "seconds": round(time.monotonic() - began, 1)}
    if arguments.log is not None:
        with arguments.log.open("a") as file:
            print(json.dumps(result), file=file)
    return result


def main():
    """Tries the sample."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="beginning of the modules' paths")
    parser.add_argument("--log", type=Path, default=None, help="path for the results, a line of JSON each")
    parser.add_argument("--survivors", action="store_true", help="try those of the log again")
    parser.add_argument("--limit", type=float, default=300, help="seconds for one test")
    parser.add_argument("--patience", type=float, default=60, help="seconds for the tests of one kind")
    parser.add_argument("--tests", nargs="+", help="run these, whatever they are about")
    arguments = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the copy is removed and no test left running
    mutants, known = chosen(arguments)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        tree = copied(folder)
        for path, mutation in mutants:
            result = known.get(json.dumps(key(path, mutation))) or tried(tree, path, mutation, arguments)
            results.append(result)
            print(f"{len(results)}/{len(mutants)} {told(result)}", flush=True)
        print(summary(results) if results else "there is nothing to try")
        for test in false_alarms(tree, results, arguments.limit):
            print(f"{test} fails without any mutation: its mutants may have survived")


if __name__ == "__main__":
    main()

"""Runs the lecture's claims as experiments, and says of each whether it holds.

tf-tricks lab
tf-tricks lab relu_funnel
tf-tricks lab random_search --dataset=my_pictures --budget=quick
tf-tricks lab --all --budget=quick --output=runs/labs
"""

import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec

from absl import flags

from tf_tricks.commands import backend, program
from tf_tricks.errors import RequestError, RunError
from tf_tricks.labs import catalog
from tf_tricks.labs.bench import runner

OWN_FLAGS = ("all", "output", "budget", "dataset", "seeds", "backend")

_ALL = flags.DEFINE_bool("all", False, "run all labs and write report.html", allow_override=True)
_OUTPUT = flags.DEFINE_string("output", "runs/labs", "the folder of the results", allow_override=True)
_BUDGET = flags.DEFINE_string("budget", "full", "full, or quick: fewer seeds, shorter runs", allow_override=True)
_DATASET = flags.DEFINE_string(
    "dataset", None, "a data set in place of each lab's own: a name, an .npz file or a folder of pictures",
    allow_override=True,
)  # fmt: skip
_SEEDS = flags.DEFINE_integer("seeds", None, "how many, in place of each lab's own number", allow_override=True)


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    named = [argument for argument in argv[1:] if not argument.startswith("-")]
    if named and named[0] in catalog.names():  # before Keras is imported
        faster = catalog.section_of(named[0]).labs[named[0]]
        os.environ.setdefault(backend.VARIABLE, faster if faster == "tensorflow" or find_spec("jax") else "tensorflow")
    return program.run_light(main, OWN_FLAGS, argv, "[NAME]")


def main(arguments: list[str]) -> None:
    """Lists, runs one lab or all of them."""
    asked = runner.Asked(_BUDGET.value, _DATASET.value, _SEEDS.value)
    asked.check()
    if len(arguments) > 1:
        raise RequestError(f"one lab at a time, or --all, not {', '.join(arguments)}")
    if _ALL.value and arguments:
        raise RequestError(f"--all runs {arguments[0]!r} as well: leave one of the two out")
    if _ALL.value:
        _run_all(asked)
    elif arguments:
        _run_one(arguments[0], asked)
    else:
        print(_list())


def _run_one(name, asked):
    catalog.section_of(name)
    program.import_tensorflow()
    from tqdm import tqdm

    with tqdm(desc=name, unit=" pieces", disable=None) as progress:
        verdict = runner.run(name, _OUTPUT.value, asked, lambda piece: progress.update())
    print(f"{name}: {verdict.verdict}\n{_wrapped(verdict.sentence)}\n{_wrapped(verdict.control)}")
    for called, quantity in verdict.quantities.items():
        print(f"  {called}: {quantity}")
    print(f"written: {os.path.join(_OUTPUT.value, name)}")


def _run_all(asked):
    """Each lab in a process of its own, on its own backend; what is done already is not done again."""
    from tf_tricks.labs.bench import report

    failed = []
    for name in catalog.names():
        kept = runner.kept(name, _OUTPUT.value)
        if kept is None or kept["asked"] != vars(asked):
            given = [flag for flag in asked.flags() if catalog.takes_data(name) or not flag.startswith("--dataset=")]
            command = [sys.executable, "-m", "tf_tricks.cli", "lab", name, f"--output={_OUTPUT.value}", *given]
            if subprocess.run(command).returncode != 0:
                failed.append(name)
    report.write(_OUTPUT.value)
    print(f"written: {os.path.join(_OUTPUT.value, 'report.html')}")
    if failed:
        raise RunError(f"these labs failed, and the others are in the report: {', '.join(failed)}")


def _list():
    lines = []
    for section in catalog.SECTIONS:
        lines.append(f"{section.number} {section.title}")
        for name in section.labs:
            kept = runner.kept(name, _OUTPUT.value)
            last = "" if kept is None else f" [{kept['verdict']}, {kept['seconds']:.0f} s]"
            lines.append(f"  {name:<18} {catalog.claim_of(name)}{last}")
    return "\n".join(lines)


def _wrapped(text):
    return textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="  ")


if __name__ == "__main__":
    sys.exit(run(sys.argv))

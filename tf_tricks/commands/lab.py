"""Runs the lecture's claims as experiments, and says of each whether it holds.

tf-tricks lab
tf-tricks lab relu_funnel
tf-tricks lab random_search --dataset=my_pictures --budget=quick
tf-tricks lab --all --budget=quick --output=runs/labs
"""

import contextlib
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


def run(argv: list[str]) -> int:
    """Runs the program and returns its exit status."""
    named = [argument for argument in argv[1:] if not argument.startswith("-")]
    if named and named[0] in catalog.names():  # before Keras is imported
        faster = catalog.section_of(named[0]).labs[named[0]]
        os.environ.setdefault(backend.VARIABLE, faster if faster == "tensorflow" or find_spec("jax") else "tensorflow")
    with _flags_defined():
        return program.run_light(main, OWN_FLAGS, argv, "[NAME]")


@contextlib.contextmanager
def _flags_defined():
    """Other commands have flags of the same names and other kinds; in one process each must find its own."""
    own = flags.FlagValues()
    flags.DEFINE_bool("all", False, "run all labs and write report.html", own)
    flags.DEFINE_string("output", "runs/labs", "the folder of the results", own)
    flags.DEFINE_string("budget", "full", "full, or quick: fewer seeds, shorter runs", own)
    data = "a data set in place of each lab's own: a name, an .npz file or a folder of pictures"
    flags.DEFINE_string("dataset", None, data, own)
    flags.DEFINE_integer("seeds", None, "how many, in place of each lab's own number", flag_values=own)
    others = {name: flags.FLAGS[name] for name in own if name in flags.FLAGS}
    flags.FLAGS.remove_flag_values(others)
    flags.FLAGS.append_flag_values(own)
    try:
        yield
    finally:
        flags.FLAGS.remove_flag_values(own)
        for name, flag in others.items():
            flags.FLAGS[name] = flag


def main(arguments: list[str]) -> None:
    """Lists, runs one lab or all of them."""
    given = flags.FLAGS
    asked = runner.Asked(given.budget, given.dataset, given.seeds)
    asked.check()
    if len(arguments) > 1:
        raise RequestError(f"one lab at a time, or --all, not {', '.join(arguments)}")
    if given.all and arguments:
        raise RequestError(f"--all runs {arguments[0]!r} as well: leave one of the two out")
    if given.all:
        _run_all(asked, given.output)
    elif arguments:
        _run_one(arguments[0], asked, given.output)
    else:
        print(_list(given.output))


def _run_one(name, asked, output):
    catalog.section_of(name)
    program.import_tensorflow()
    from tqdm import tqdm

    with tqdm(desc=name, unit=" pieces", disable=None) as progress:
        verdict = runner.run(name, output, asked, lambda piece: progress.update())
    print(f"{name}: {verdict.verdict}\n{_wrapped(verdict.sentence)}\n{_wrapped(verdict.control)}")
    for called, quantity in verdict.quantities.items():
        print(f"  {called}: {quantity}")
    print(f"written: {os.path.join(output, name)}")


def _run_all(asked, output):
    """Each lab in a process of its own, on its own backend; what is done already is not done again."""
    from tf_tricks.labs.bench import report

    failed = []
    for name in catalog.names():
        kept = runner.kept(name, output)
        if kept is None or kept["asked"] != vars(asked):
            given = [flag for flag in asked.flags() if catalog.takes_data(name) or not flag.startswith("--dataset=")]
            command = [sys.executable, "-m", "tf_tricks.cli", "lab", name, f"--output={output}", *given]
            if subprocess.run(command).returncode != 0:
                failed.append(name)
    report.write(output)
    print(f"written: {os.path.join(output, 'report.html')}")
    if failed:
        raise RunError(f"these labs failed, and the others are in the report: {', '.join(failed)}")


def _list(output):
    lines, width = [], max(map(len, catalog.names()))
    for section in catalog.SECTIONS:
        lines.append(f"{section.number} {section.title}")
        for name in section.labs:
            kept = runner.kept(name, output)
            last = "" if kept is None else f" [{kept['verdict']}, {kept['seconds']:.0f} s]"
            lines.append(f"  {name:<{width}} {catalog.claim_of(name)}{last}")
    return "\n".join(lines)


def _wrapped(text):
    return textwrap.fill(text, 110, initial_indent="  ", subsequent_indent="  ")


if __name__ == "__main__":
    sys.exit(run(sys.argv))

"""Runs a lab and leaves its results, its plot and its verdict in a folder."""

import dataclasses
import json
import os
import shlex
import time
from collections.abc import Callable
from typing import Any

from tf_tricks.errors import RequestError, check_number, unknown
from tf_tricks.labs import catalog
from tf_tricks.labs.bench.bench import Bench
from tf_tricks.labs.bench.verdict import Verdict
from tf_tricks.reports import figure
from tf_tricks.storage import path_of, write_atomically

BUDGETS = ("quick", "full")


@dataclasses.dataclass(frozen=True)
class Asked:
    """How labs are to be run.

    Attributes:
        budget: one of `BUDGETS`.
        dataset: a data set's name, or None for each lab's own.
        seeds: how many, at least 2; None for each lab's own.
    """

    budget: str = "full"
    dataset: str | None = None
    seeds: int | None = None

    def check(self) -> None:
        """Raises a `RequestError` if it cannot be carried out."""
        if self.budget not in BUDGETS:
            raise unknown("budget", self.budget, BUDGETS)
        if self.seeds is not None:
            check_number("seeds", self.seeds, minimum=2, integer=True)

    def flags(self) -> list[str]:
        """Returns the flags that ask for it."""
        given = {"budget": self.budget, "dataset": self.dataset, "seeds": self.seeds}
        return [f"--{name}={value}" for name, value in given.items() if value is not None]


def run(
    name: str, folder: str | os.PathLike[str], asked: Asked, tell: Callable[[str], Any] = lambda piece: None
) -> Verdict:
    """Runs a lab, or goes on with it, and writes found.json, plot.png and verdict.json into `folder`/`name`.

    Args:
        name: of the lab.
        folder: of all labs.
        asked: how.
        tell: is called with the name of each piece of work when it is done.

    Raises:
        RequestError: there is no such lab, or it cannot be run so; nothing was written.
    """
    asked.check()
    lab = catalog.get(name)
    if asked.dataset is not None and lab.dataset is None:
        raise RequestError(f"the lab {name!r} makes its own data: leave --dataset={asked.dataset} out")
    if lab.deterministic:
        _compute_deterministically()
    own = path_of(folder) / name
    began = time.time()
    bench = Bench(own, asked.budget, asked.seeds or lab.seeds[asked.budget], asked.dataset or lab.dataset, tell)
    found = lab.measure(bench)
    verdict = lab.judge(found)
    with figure.style():
        png = figure.png(lab.draw(found))
    own.mkdir(parents=True, exist_ok=True)
    write_atomically(own / "found.json", json.dumps(found).encode())
    write_atomically(own / "plot.png", png)
    about = {"lab": name, "section": catalog.section_of(name).number, "claim": lab.claim, "erratum": lab.erratum}
    about |= {"paper": lab.paper} | verdict.plain() | {"seeds": len(bench.seeds), "dataset": bench.dataset}
    about |= {"asked": dataclasses.asdict(asked)}
    about |= {"command": shlex.join(["tf-tricks", "lab", name, *asked.flags()])}
    about |= {"seconds": round(time.time() - began, 1), "versions": _versions()}
    write_atomically(own / "verdict.json", json.dumps(about, indent=2).encode() + b"\n")
    return verdict


def kept(name: str, folder: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Returns what verdict.json says of a lab, or None where there is no such file that can be read."""
    try:
        return json.loads((path_of(folder) / name / "verdict.json").read_text())
    except (OSError, ValueError):
        return None


def _compute_deterministically():
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def _versions():
    from tf_tricks.training.workdir import versions

    return versions()

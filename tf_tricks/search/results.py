"""What became of a search's trials, and the table of them."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

STAGES = ("coarse", "fine")
"""In their order: the trials of the first have the whole space, and are trained for fewer epochs."""

OUTCOMES = ("complete", "pruned", "diverged", "out of memory", "refused", "failed", "running")


@dataclass(frozen=True)
class TrialResult:
    """What became of a trial.

    Attributes:
        number: from 0.
        stage: one of `STAGES`.
        outcome: one of `OUTCOMES`.
        note: a sentence that says why it is not complete, or "".
        value: the mean over the seeds of the metric that trials are compared by; None where there is none.
        values: the metric by seed.
        epochs: that were trained.
        seconds: that it took.
        folder: of its run, relative to the search's workdir.
        params: dict of config path to the value there: a number, a text, None, a list or a dict.
    """

    number: int
    stage: str
    outcome: str
    note: str = ""
    value: float | None = None
    values: tuple[float, ...] = ()
    epochs: float = 0.0
    seconds: float = 0.0
    folder: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def compared(self) -> bool:
        """Whether it is complete, with a value to compare it by."""
        return self.outcome == "complete" and self.value is not None and math.isfinite(self.value)


def ranked(results: Iterable[TrialResult], direction: str) -> list[TrialResult]:
    """Returns the complete trials that were trained longest, the best first; of equal ones the earlier first.

    Those of the coarse stage were trained for fewer epochs, as a rule, and their values cannot be compared.

    Args:
        results: of any trials.
        direction: "up" if a larger value is better, "down" if a smaller one is.

    Example:
        >>> trials = [TrialResult(n, "coarse", "complete", value=value) for n, value in enumerate([0.5, 0.9, 0.7])]
        >>> [trial.number for trial in ranked(trials, "up")]
        [1, 2, 0]
    """
    there = [result for result in results if result.compared]
    longest = max((result.epochs for result in there), default=0.0)
    sign = {"up": -1, "down": 1}[direction]
    of_longest = [result for result in there if result.epochs == longest]
    return sorted(of_longest, key=lambda result: (sign * (result.value or 0.0), result.number))


def best(results: Iterable[TrialResult], direction: str) -> TrialResult | None:
    """Returns the best of the complete trials that were trained longest; None if none is complete.

    Args:
        results: of any trials.
        direction: "up" or "down".

    Example:
        >>> best([TrialResult(0, "coarse", "complete", value=0.9), TrialResult(1, "fine", "pruned")], "up").number
        0
    """
    return next(iter(ranked(results, direction)), None)


def paths_of(results: Iterable[TrialResult]) -> list[str]:
    """Returns the config paths that any of the trials sets, in their order.

    Example:
        >>> paths_of([TrialResult(0, "coarse", "complete", params={"l2": 0.1, "batch_size": 8})])
        ['l2', 'batch_size']
    """
    return list(dict.fromkeys(path for result in results for path in result.params))


def write_csv(path: Any, results: Sequence[TrialResult], seeds: int) -> None:
    """Writes a table with a row for each trial: what became of it, its values by seed, and its parameters.

    A column of a parameter has the name of its config path; texts are written as they are, and all else as JSON has
    it. A cell is empty where there is nothing.

    Args:
        path: of the file; may be remote.
        results: of all trials.
        seeds: runs of each trial.

    Example:
        >>> import pathlib, tempfile
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "trials.csv"
        >>> write_csv(file, [TrialResult(0, "fine", "complete", value=0.5, values=(0.4, 0.6), params={"l2": 0.1})], 2)
        >>> print(file.read_text())
        number,stage,outcome,value,value_1,value_2,epochs_trained,seconds,folder,note,l2
        0,fine,complete,0.5,0.4,0.6,0.0,0.0,,,0.1
        <BLANKLINE>
    """
    from tf_tricks.storage import write_atomically

    of_seeds = [f"value_{i + 1}" for i in range(seeds)]
    before = ("number", "stage", "outcome", "value", *of_seeds, "epochs_trained", "seconds", "folder", "note")
    file = io.StringIO()
    writer = csv.DictWriter(file, [*before, *paths_of(results)], lineterminator="\n")
    writer.writeheader()
    for result in results:
        row: dict[str, Any] = {key: getattr(result, key) for key in ("number", "stage", "outcome", "value")}
        row |= dict(zip(of_seeds, result.values))
        row |= {"epochs_trained": result.epochs, "seconds": result.seconds, "folder": result.folder}
        row |= {"note": result.note} | {key: _cell(value) for key, value in result.params.items()}
        writer.writerow(row)
    write_atomically(path, file.getvalue().encode())


def _cell(value):
    return value if isinstance(value, str) else json.dumps(value)

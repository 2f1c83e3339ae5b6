"""What a search leaves in its folder: best.py, trials.csv, report.html and its pictures."""

from collections.abc import Sequence
from typing import Any

from tf_tricks.search.best_config import write_best
from tf_tricks.search.distributions import value_of
from tf_tricks.search.ledger import Ledger
from tf_tricks.search.report import write_report
from tf_tricks.search.request import Request
from tf_tricks.search.results import TrialResult, best, write_csv


def collected(ledger: Ledger) -> list[TrialResult]:
    """Returns what has come of each trial, in their order."""
    return [_result(ledger, stage, trial) for stage in ledger.plan.stages for trial in ledger.trials(stage)]


def write(folder: Any, request: Request, results: Sequence[TrialResult], command: str) -> TrialResult | None:
    """Writes all of it and returns the best trial, or None if none has come to its end; then there is no best.py.

    Args:
        folder: the search's, an `epath.Path`.
        request: what was searched.
        results: from `collected`.
        command: of the search.
    """
    write_csv(folder / "trials.csv", results, request.seeds)
    found = best(results, request.direction)
    if found is not None:
        write_best(folder / "best.py", request.config, found, request.metric)
    write_report(folder, results, request.space, request.config, request.metric, request.direction, command)
    return found


def _result(ledger, stage, trial):
    known = trial.user_attrs
    return TrialResult(
        number=stage.first + trial.number,
        stage=stage.name,
        outcome=known.get("outcome", "running"),
        note=known.get("note", ""),
        value=trial.value if known.get("outcome") == "complete" else None,  # Optuna's of a pruned one is its last
        values=tuple(known.get("values", ())),
        epochs=known.get("epochs", 0.0),
        seconds=known.get("seconds", 0.0),
        folder=str(ledger.folder_of(stage, trial.number).relative_to(ledger.folder)),
        params={path: value_of(value) for path, value in trial.params.items()},
    )

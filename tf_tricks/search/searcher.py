"""The worker of a search: takes trials one after the other until none is left."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from sqlalchemy.exc import DBAPIError

from tf_tricks.config import parts
from tf_tricks.errors import RunError, reason_of
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.ledger import Ledger
from tf_tricks.search.space import with_values
from tf_tricks.search.trial import Outcome, run_trial

_PAUSE = 0.5  # seconds, while other processes train what is left of a stage
_REFUSED = 3  # trials after which a space is taken for a mistake
_STATES = {"complete": "COMPLETE", "failed": "FAIL", "refused": "FAIL"}  # all others: as bad as can be, to a sampler


def search(
    ledger: Ledger,
    config: Mapping[str, Any],
    trainers: KeptTrainers,
    seeds: int,
    metric: str,
    tell: Callable[[int, Mapping[str, Any], Outcome], None],
) -> None:
    """Trains the trials of a search, beside whoever else does, until all have ended.

    Args:
        ledger: which trials there are.
        config: resolved; each trial puts its values into it.
        trainers: from which those of the trials come.
        seeds: how many runs a trial has.
        metric: of the history, by which trials are compared.
        tell: function of a trial's number, its values and its `Outcome`, called after each.

    Raises:
        RunError: each trial is refused, or the storage cannot be reached.
        Interrupted: SIGINT or SIGTERM came; the trial goes on from there the next time.
    """
    try:
        _work(ledger, config, trainers, seeds, metric, tell)
    except (optuna.exceptions.StorageInternalError, DBAPIError) as error:
        raise RunError(
            f"the storage of the trials cannot be reached any more: {reason_of(error)}; the same command goes on"
        ) from error


def _work(ledger, config, trainers, seeds, metric, tell):
    refused, good = 0, 0
    while not ledger.is_over():
        claim = ledger.claim()
        if claim is None:
            time.sleep(_PAUSE)
            continue
        try:
            trial_config = parts.resolve(with_values(config, claim.values) | {"epochs": claim.stage.epochs})
            outcome = run_trial(trainers, trial_config, claim.folder, seeds, metric, claim.trial)
            claim.end(_STATES.get(outcome.outcome, "PRUNED"), outcome.value, _notes(outcome))
        finally:
            claim.close()
        tell(claim.number, claim.values, outcome)
        refused, good = refused + (outcome.outcome == "refused"), good + (outcome.outcome != "refused")
        if refused >= _REFUSED and good == 0:
            raise RunError(f"each of {refused} trials was refused, the last because {outcome.note}")


def _notes(outcome):
    """What is kept of a trial beside its value."""
    return {
        "outcome": outcome.outcome,
        "note": outcome.note,
        "values": outcome.values,
        "epochs": outcome.epochs,
        "seconds": outcome.seconds,
    }

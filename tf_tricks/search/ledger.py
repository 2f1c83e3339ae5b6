"""Which trials there are, who trains which, and what has come of them: each is trained to its end exactly once."""

import contextlib
import dataclasses
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

import optuna

from tf_tricks.search.points import as_distribution, points, quiet
from tf_tricks.search.stages import Stage, narrowed
from tf_tricks.search.storage import alone, is_held
from tf_tricks.training.checkpoint import checkpoints_in
from tf_tricks.training.lock import locked

BEAT = 15.0  # seconds between two signs of life
GRACE = 120.0  # seconds without one after which a process on another machine is taken for dead
_ATTEMPTS = 5  # that end before any checkpoint
PRUNERS = ("none", "median", "hyperband")
"""What ends a trial before its time: nothing, being worse than the median, or Hyperband's rungs."""

_ENDED = ("COMPLETE", "PRUNED", "FAIL")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search is.

    Attributes:
        name: of its studies, with the stage's behind it.
        space: dict of path to Optuna distribution.
        stages: list of `Stage`.
        sampler: one of `points.SAMPLERS`.
        pruner: `"none"`, `"median"` or `"hyperband"`.
        seed: of the sampler.
        direction: `"up"` or `"down"`, where better values are.
    """

    name: str
    space: Mapping[str, Any]
    stages: list[Stage]
    sampler: str
    pruner: str
    seed: int
    direction: str


class Claim:
    """A trial that this process trains: its number, what it draws, and where its results go.

    It gives a sign of life now and then, until it is closed.
    """

    def __init__(self, trial: Any, study: Any, stage: Stage, folder: Any, values: dict[str, Any]):
        self.number = stage.first + trial.number
        self.stage, self.folder, self.values = stage, folder, values
        self.trial = trial
        self._study = study
        self._lock = locked(folder)
        self._lock.__enter__()
        self._closed = threading.Event()
        self._beat()
        self._thread = threading.Thread(target=self._keep_beating, daemon=True)
        self._thread.start()

    def end(self, state: str, value: float | None, notes: Mapping[str, Any]) -> None:
        """Notes how the trial has ended.

        Args:
            state: `"COMPLETE"`, `"PRUNED"` or `"FAIL"`.
            value: that is compared; None where there is none.
            notes: what else there is to know, as JSON can hold it.
        """
        for key, note in notes.items():
            self.trial.set_user_attr(key, note)
        complete = state == "COMPLETE"
        with quiet():
            self._study.tell(self.trial.number, value if complete else None, state=optuna.trial.TrialState[state])
        self.close()

    def close(self) -> None:
        """Lets go of the trial; one that has not ended is for whoever comes next."""
        if not self._closed.is_set():
            self._closed.set()
            self._lock.__exit__(None, None, None)

    def _keep_beating(self):
        while not self._closed.wait(BEAT):
            with contextlib.suppress(Exception):  # a storage that cannot be reached for a while may come back
                self._beat()

    def _beat(self):
        self.trial.set_user_attr("beat", time.time())


class Ledger:
    """Hands out the trials of a search to any number of processes.

    Args:
        storage: an Optuna storage.
        folder: the search's, an `epath.Path` that exists.
        plan: what the search is.
    """

    def __init__(self, storage: Any, folder: Any, plan: Plan):
        self.storage, self.folder, self.plan = storage, folder, plan
        self._studies: dict[str, Any] = {}

    def claim(self) -> Claim | None:
        """Returns the next trial to train; None where all that are left are being trained, or none is left."""
        with alone(self.folder):
            for stage in self.plan.stages:
                if self._ended(stage):
                    continue
                self._announce(stage)
                for trial in self.trials(stage):
                    if trial.state.name == "RUNNING" and self._is_abandoned(stage, trial):
                        self._give_back(stage, trial)
                return self._take(stage)
        return None

    def is_over(self) -> bool:
        """Returns whether every trial has ended."""
        return all(map(self._ended, self.plan.stages))

    def trials(self, stage: Stage) -> list[Any]:
        """Returns the `optuna.trial.FrozenTrial` of each trial of a stage that there is."""
        return self.study(stage).get_trials(deepcopy=False)

    def study(self, stage: Stage) -> Any:
        """Returns the Optuna study of a stage."""
        if stage.name not in self._studies:
            with quiet():
                self._studies[stage.name] = optuna.create_study(
                    storage=self.storage,
                    study_name=f"{self.plan.name}/{stage.name}",
                    direction="maximize" if self.plan.direction == "up" else "minimize",
                    load_if_exists=True,
                    pruner=_pruner(self.plan.pruner, stage),
                )
        return self._studies[stage.name]

    def folder_of(self, stage: Stage, number: int) -> Any:
        """Returns the folder of a trial by its number within its stage."""
        return self.folder / "trials" / f"{stage.first + number:04d}"

    def space_of(self, stage: Stage) -> dict[str, Any]:
        """Returns the space of a stage; that of the finer one is known once the coarse one has ended."""
        before = self.plan.stages[: self.plan.stages.index(stage)]
        space = dict(self.plan.space)
        for earlier in before:
            ended = [trial for trial in self.trials(earlier) if trial.state.name == "COMPLETE"]
            sign = 1.0 if self.plan.direction == "up" else -1.0
            space = narrowed(space, [trial.params for trial in ended], [sign * trial.value for trial in ended])
        return space

    def _ended(self, stage):
        return sum(trial.state.name in _ENDED for trial in self.trials(stage)) >= self._number(stage)

    def _number(self, stage):
        """How many trials a stage has: a grid may have fewer points than it could."""
        found = self.study(stage).user_attrs.get("number")
        return stage.trials if found is None else found

    def _announce(self, stage):
        """Puts the trials of a stage, in their order, where all processes take them from."""
        study = self.study(stage)
        if study.user_attrs.get("announced"):
            return
        drawn = points(self.plan.sampler, self.space_of(stage), stage.trials, (self.plan.seed + stage.first) % 2**32)
        drawn = [*self._longer(stage), *drawn][: max(1, len(drawn))]
        with quiet():
            study.set_user_attr("number", len(drawn))
            for point in drawn[len(self.trials(stage)) :]:  # the rest, if a process was killed here
                study.enqueue_trial(point)
            study.set_user_attr("announced", True)

    def _longer(self, stage):
        """What the best trial of the stage before has drawn, in a list, where it is trained longer now."""
        before = self.plan.stages[: self.plan.stages.index(stage)]
        ended = [t for earlier in before for t in self.trials(earlier) if t.state.name == "COMPLETE"]
        if not ended or all(earlier.epochs == stage.epochs for earlier in before):
            return []
        choose = max if self.plan.direction == "up" else min
        return [dict(choose(ended, key=lambda trial: trial.value).params)]

    def _is_abandoned(self, stage, trial):
        folder, attributes = self.folder_of(stage, trial.number), trial.user_attrs
        local = "://" not in os.fspath(folder)
        if local and is_held(folder):
            return False
        if local and attributes.get("host") in (None, socket.gethostname()):
            return True
        return time.time() - attributes.get("beat", 0.0) > GRACE

    def _give_back(self, stage, trial):
        identity = self._id(stage, trial.number)
        # It may have ended since it was looked at: a trial ends before its folder is let go of.
        if self.storage.get_trial(identity).state.name == "RUNNING":
            self.storage.set_trial_state_values(identity, optuna.trial.TrialState.WAITING)

    def _take(self, stage):
        """The first trial that waits, in their order; one that was killed over and over has failed."""
        study = self.study(stage)
        study.sampler = optuna.samplers.RandomSampler(seed=0)
        while any(trial.state.name == "WAITING" for trial in self.trials(stage)):
            with quiet():
                trial = study.ask()
                values = self._draw(study, stage, trial)
            folder = self.folder_of(stage, trial.number)
            folder.mkdir(parents=True, exist_ok=True)
            claim = Claim(trial, study, stage, folder, values)
            trial.set_user_attr("host", socket.gethostname())
            if not self._has_failed(claim):
                return claim
        return None

    def _draw(self, study, stage, trial):
        """What a trial draws: the point that was announced, or TPE's by what is known now."""
        space = self.plan.space
        if self.plan.sampler == "tpe":
            study.sampler, space = _tpe(self.plan.seed, stage.first + trial.number), self.space_of(stage)
        return {path: trial._suggest(path, as_distribution(values)) for path, values in space.items()}

    def _has_failed(self, claim):
        """Whether a trial's process was killed too often before it had left anything; that ends the trial."""
        at, attributes = _checkpoints(claim.folder), claim.trial.user_attrs
        attempts = attributes.get("attempts", 0) if attributes.get("checkpoints") == at else 0
        if attempts >= _ATTEMPTS:
            note = f"its process was killed {attempts} times before it had left a checkpoint: memory may be too small"
            claim.end("FAIL", None, {"outcome": "failed", "note": note})
            return True
        claim.trial.set_user_attr("attempts", attempts + 1)
        claim.trial.set_user_attr("checkpoints", at)
        return False

    def _id(self, stage, number):
        study_id = self.storage.get_study_id_from_name(self.study(stage).study_name)
        return self.storage.get_trial_id_from_study_id_trial_number(study_id, number)


def _checkpoints(folder):
    """What says whether a trial has come further: the names of its checkpoints."""
    folders = [path for pattern in ("checkpoints", "*/checkpoints") for path in folder.glob(pattern)]
    return sorted(path.name for folder in folders for path in checkpoints_in(folder))


def _tpe(seed, number):
    return optuna.samplers.TPESampler(seed=(seed * 1_000_003 + number) % 2**32, constant_liar=True)


def _pruner(name, stage):
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(1, round(stage.epochs)))
    return optuna.pruners.NopPruner()

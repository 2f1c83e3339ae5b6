"""The runs of an ablation: each is trained once, by whichever process comes first, and goes on where it was left."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tf_tricks.errors import RequestError
from tf_tricks.search.ablation.arms import Arm
from tf_tricks.search.kept_trainers import KeptTrainers, shape_of
from tf_tricks.search.trial import run_trial
from tf_tricks.storage import write_atomically
from tf_tricks.training.lock import locked

_PAUSE = 0.5  # seconds, while other processes train what is left
RESULTS = "results"


@dataclasses.dataclass(frozen=True)
class RunResult:
    """What became of a run.

    Attributes:
        folder: relative to the ablation's.
        seed: of the run.
        outcome: `"complete"`, `"diverged"`, `"out of memory"`, `"refused"` or `"failed"`.
        note: a sentence, where it is not complete.
        value: of the metric at its end; None where it is not complete.
        epochs: that were trained.
        seconds_per_epoch: of training steps, without what the first epoch has to compile; None where it is not known.
    """

    folder: str
    seed: int
    outcome: str
    note: str
    value: float | None
    epochs: float
    seconds_per_epoch: float | None


def check(arms: Iterable[Arm], trainers: KeptTrainers) -> None:
    """Makes every arm's trainer and raises a `RequestError` if one cannot be trained; writes nothing.

    Args:
        arms: all of them.
        trainers: from which those of the runs come.
    """
    made = set()
    for arm in arms:
        if arm.slug in made:
            continue
        made.add(arm.slug)
        try:
            trainers.check(arm.config)
        except RequestError as error:
            raise RequestError(f"{arm.name}: {error}") from error


def train(
    arms: Mapping[str, Arm],
    seeds: Sequence[int],
    folder: Any,
    trainers: KeptTrainers,
    metric: str,
    tell: Callable[[str, int, RunResult], None],
) -> dict[str, RunResult]:
    """Trains what has not been trained yet, beside whoever else does, and returns the results by the runs' names.

    Args:
        arms: by name.
        seeds: of each arm's runs.
        folder: the ablation's, an `epath.Path` that exists.
        trainers: from which those of the runs come.
        metric: of the history, `"val_accuracy"`.
        tell: function of an arm's name, a seed and the `RunResult`, called after each run that was trained here.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the run goes on from there the next time.
    """
    runs = _in_order(arms, seeds)
    failed: dict[str, RunResult] = {}  # is tried again by the next process, and not by this one
    while True:
        results = read(folder, runs) | failed
        waiting = [name for name in runs if name not in results]
        if not waiting:
            return {name: results[name] for name in runs}
        trained = False
        for name in waiting:
            arm, seed = runs[name]
            result = _train_if_free(folder, name, arm, seed, trainers, metric)
            if result is not None:
                trained = True
                if result.outcome == "failed":
                    failed[name] = result
                tell(arm.name, seed, result)
        if not trained:
            time.sleep(_PAUSE)


def read(folder: Any, names: Iterable[str]) -> dict[str, RunResult]:
    """Returns the results that there are of these runs, by their names."""
    found = {}
    for name in names:
        path = folder / RESULTS / f"{name}.json"
        if path.exists():
            found[name] = RunResult(**json.loads(path.read_text()))
    return found


def seconds_per_epoch(folder: Any) -> float | None:
    """Returns how long an epoch's training steps took, the median over the epochs; None where the log does not say.

    The first epoch is left out, since its first step compiles; of a single epoch, its first line in the log is.

    Args:
        folder: the run's, an `epath.Path`.
    """
    path = folder / "metrics.jsonl"
    if not path.exists():
        return None
    spans: dict[int, list[tuple[float, float]]] = {}  # of each epoch, the shares of it and the seconds of its lines
    seen = 0
    for line in map(json.loads, path.read_text().splitlines()):
        if line["split"] != "train" or not line["examples_per_second"]:
            continue
        examples, seen = line["examples_seen"] - seen, line["examples_seen"]
        of_epoch = seen / line["epoch"]
        epoch = int((seen - line["batch_size"] / 2) / of_epoch)  # the one in which the middle of the last batch lies
        spans.setdefault(epoch, []).append((examples / of_epoch, examples / line["examples_per_second"]))
    compiled = list(spans.values())[1:] or [span[1:] for span in spans.values()]
    times = [sum(seconds for _, seconds in span) / sum(share for share, _ in span) for span in compiled if span]
    return float(np.median(times)) if times else None


def _in_order(arms, seeds):
    """The runs, a seed after the other, and those of one shape together, so that nothing is compiled twice."""
    different: dict[str, Arm] = {}
    for arm in arms.values():
        different.setdefault(arm.slug, arm)
    shapes: dict[str, list[Arm]] = {}
    for arm in different.values():
        shapes.setdefault(shape_of(arm.config), []).append(arm)
    return {arm.run_of(seed): (arm, seed) for seed in seeds for of_shape in shapes.values() for arm in of_shape}


def _train_if_free(folder, name, arm, seed, trainers, metric):
    """The result of a run that is trained here; None if it has ended meanwhile, or another process trains it."""
    run = folder / "runs" / name
    run.mkdir(parents=True, exist_ok=True)
    try:
        with locked(run):
            if read(folder, [name]):
                return None
            return _train(folder, run, arm, seed, trainers, metric)
    except RequestError:  # of the lock: `_train` raises none
        return None


def _train(folder, run, arm, seed, trainers, metric):
    outcome = run_trial(trainers, arm.config_of(seed), run, 1, metric)
    result = RunResult(
        folder=str(run.relative_to(folder)),
        seed=seed,
        outcome=outcome.outcome,
        note=outcome.note,
        value=outcome.value,
        epochs=outcome.epochs,
        seconds_per_epoch=seconds_per_epoch(run),
    )
    if outcome.outcome != "failed":
        (folder / RESULTS).mkdir(exist_ok=True)
        path = folder / RESULTS / f"{run.name}.json"
        write_atomically(path, json.dumps(dataclasses.asdict(result), indent=2).encode() + b"\n")
    return result

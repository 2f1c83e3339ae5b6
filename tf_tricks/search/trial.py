"""One trial: an ordinary run for each seed, and what is made of its end, good or bad."""

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from tf_tricks.errors import RequestError, RunError
from tf_tricks.search.kept_trainers import KeptTrainers
from tf_tricks.search.labels import counted
from tf_tricks.training.interrupt import Interrupted


class Outcome(NamedTuple):
    """How a trial has ended.

    Attributes:
        outcome: `"complete"`, `"pruned"`, `"diverged"`, `"out of memory"`, `"refused"` or `"failed"`.
        note: a sentence, where it is not complete.
        values: of the compared metric, a float for each seed that was trained to its end.
        epochs: trained, over all seeds; those of earlier processes count.
        seconds: that it took here.
    """

    outcome: str
    note: str
    values: list[float]
    epochs: float
    seconds: float

    @property
    def value(self) -> float | None:
        """The mean over the seeds, of a complete trial."""
        return sum(self.values) / len(self.values) if self.outcome == "complete" else None


class Watch(keras.callbacks.Callback):
    """Counts epochs, tells the pruner what each gives, and ends the run where it asks for it before its last.

    Args:
        trial: the `optuna.trial.Trial`; None for one that nobody prunes.
        metric: of the history, `"val_accuracy"`.
    """

    def __init__(self, trial: Any, metric: str):
        super().__init__()
        self.trial, self.metric = trial, metric
        self.pruned = False
        self.epochs = 0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Reports the epoch."""
        self.epochs = epoch + 1
        if self.trial is None:
            return
        value = float((logs or {})[self.metric])
        if not math.isfinite(value):
            return
        self.trial.report(value, epoch + 1)
        if epoch + 1 < self.params["epochs"] and self.trial.should_prune():
            self.pruned = self.model.stop_training = True


def run_trial(
    trainers: KeptTrainers, config: Mapping[str, Any], folder: Any, seeds: int, metric: str, trial: Any = None
) -> Outcome:
    """Trains a trial to its end, going on from its checkpoints where there are some.

    Args:
        trainers: from which its trainer comes.
        config: resolved, with the trial's values and epochs in place; its seed is the first.
        folder: the trial's. With one seed it is the run's; with several, each run has a folder `seed0`, … in it.
        seeds: how many there are.
        metric: of the history, which is compared.
        trial: the `optuna.trial.Trial`, whose pruner watches the first seed; None for none.

    Raises:
        Interrupted: SIGINT or SIGTERM came; the state is saved.
    """
    began, values, watches = time.perf_counter(), [], []
    outcome, note = "complete", ""
    try:
        for i in range(seeds):
            watch = Watch(trial if i == 0 else None, metric)
            watches.append(watch)
            of_seed = dict(config) | {"seed": config["seed"] + i}
            history = _train(trainers, of_seed, folder if seeds == 1 else folder / f"seed{i}", watch)
            values.append(float(_values_of(history, metric)[-1]))
            if not math.isfinite(values[-1]):
                outcome, note = "diverged", f"{metric} is not finite"
            elif watch.pruned:
                outcome, note = "pruned", f"{metric} was {values[-1]:.4g} after {counted(watch.epochs, 'epoch')}"
            if outcome != "complete":
                break
    except Interrupted:
        raise
    except RunError as error:
        note = str(error)
        outcome = "diverged" if "diverged" in note else "out of memory" if "out of memory" in note else "failed"
        trainers.clear()
    except RequestError as error:
        outcome, note = "refused", str(error)
    epochs = sum(watch.epochs for watch in watches)
    return Outcome(outcome, note, values, epochs, time.perf_counter() - began)


def _train(trainers, config, folder, watch):
    trainer, stream, arguments = trainers.get(config)
    arguments["callbacks"] = [*arguments["callbacks"], watch]
    return trainer.fit(stream, workdir=folder, settings=config, verbose=0, **arguments).history


def _values_of(history, metric):
    if metric not in history:
        from tf_tricks.errors import unknown

        raise unknown("value to compare trials by called", metric, history)
    return history[metric]

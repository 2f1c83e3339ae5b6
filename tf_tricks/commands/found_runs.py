"""The runs below folders: where they are, with which settings, how far, with what results; read without TensorFlow."""

import dataclasses
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tf_tricks.config.config_keys import DEFAULTS
from tf_tricks.errors import RequestError
from tf_tricks.storage import is_remote, path_of
from tf_tricks.training import workdir
from tf_tricks.training.directions import direction_of
from tf_tricks.training.settings import flattened

_PLACES = ("split", "step", "epoch", "examples_seen", "wall_time")  # what a line of the log has beside its results
_OF_ONE_RUN = ("config.json", "metrics.jsonl", "model.keras", "checkpoints", "tensorboard")  # not looked into
_READERS = 32  # of remote folders, where each file takes its time


@dataclasses.dataclass(frozen=True)
class FoundRun:
    """A run, as its folder tells.

    Attributes:
        name: what it is called in a table.
        folder: `epath.Path`.
        settings: its config, or what was given to `Trainer.fit`, flat: `learning_rate.initial`.
        is_of_config: whether `tf-tricks train` made it, so that its settings are all there are.
        others: what else tells it from other runs, where its settings do not say it all.
        epochs_trained: how far it is.
        finished: whether it has ended.
        results: `val_loss`, `best_val_loss`, `test_loss` and those of the other metrics; a float, which may be NaN.
    """

    name: str
    folder: Any
    settings: dict[str, Any]
    is_of_config: bool
    others: str
    epochs_trained: float
    finished: bool
    results: dict[str, float]


def find(folders: Sequence[str]) -> tuple[list[FoundRun], list[str]]:
    """Returns the runs in and below folders, and the folders whose config.json is damaged or of something else.

    Args:
        folders: local or remote; one may be a run's own.

    Raises:
        RequestError: one of them is not there.
    """
    tops = [path_of(folder) for folder in folders]
    for given, top in zip(folders, tops):
        if not top.is_dir():
            raise RequestError(f"there is no folder {given!r}")
    places = list(_with_config(tops))
    names = _names(tops, places)
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(_read, places, names))
    foreign = [os.fspath(place) for place, run in zip(places, found) if run is None]
    return [run for run in found if run is not None], foreign


def best(values: Iterable[float], direction: str | None) -> float | None:
    """Returns the highest of the values that are numbers where a metric is to go "up", the lowest where "down".

    Args:
        values: floats; there may be NaN.
        direction: None where nobody knows.

    Example:
        >>> best([0.5, float("nan"), 0.25], "down"), best([0.5, 0.25], None)
        (0.25, None)
    """
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers or direction is None:
        return None
    return max(numbers) if direction == "up" else min(numbers)


def _with_config(tops) -> Iterator[Any]:
    """The folders with a config.json, each once, wherever links lead."""
    seen, waiting = set(), list(reversed(tops))
    while waiting:
        folder = waiting.pop()
        if (real := os.fspath(folder) if is_remote(folder) else os.path.realpath(folder)) in seen:
            continue
        seen.add(real)
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # not ours to look into
            continue
        if any(entry.name == "config.json" for entry in entries):
            yield folder
        below = [entry for entry in entries if not entry.name.startswith(".") and entry.name not in _OF_ONE_RUN]
        waiting += [entry for entry in reversed(below) if entry.is_dir()]


def _names(tops, places):
    """Names relative to what all the folders given have in common; of a single run, its folder's own name."""
    parts = [top.parts for top in tops]
    shared = next((i for i, level in enumerate(zip(*parts)) if len(set(level)) > 1), min(map(len, parts)))
    return ["/".join(place.parts[shared:]) or place.resolve().name for place in places]


def _read(folder, name):
    """The run in `folder`; None where config.json is damaged or no run's."""
    try:
        content = workdir.read(folder)
    except RequestError:
        return None
    config, fingerprint = content.get("config", {}), content.get("fingerprint", {})
    finished_epochs, directions = content.get("finished_epochs", 0), content.get("directions", {})
    is_of_config = config.get("data") is not None and config.get("model") is not None
    known = is_of_config or "fingerprint" in content
    whole = hasattr(fingerprint, "items") and hasattr(directions, "items") and isinstance(finished_epochs, (int, float))
    if not known or not whole:
        return None
    epochs = (config if is_of_config else fingerprint).get("epochs")
    lines = _lines(folder)
    return FoundRun(
        name=name,
        folder=folder,
        settings=flattened(_DEFAULTS | config if is_of_config else config),
        is_of_config=is_of_config,
        others="" if is_of_config else json.dumps(fingerprint | {"seed": None}, sort_keys=True),
        epochs_trained=_number(lines[-1].get("epoch")) if lines else 0.0,
        finished=finished_epochs > 0 and finished_epochs >= _number(epochs),
        results=_results(lines, directions),
    )


def _number(value):
    return float(value) if isinstance(value, (int, float)) else 0.0


_DEFAULTS = json.loads(json.dumps(DEFAULTS))  # as config.json holds them


def _lines(folder):
    """The lines of the log that have results to compare, and its last; those that were cut short are left out."""
    try:
        texts = (folder / "metrics.jsonl").read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return []
    lines = [_parsed(text) for text in texts[:-1] if '"split": "train"' not in text]  # most are, and are not looked at
    return [line for line in [*lines, *_last(texts)] if line is not None]


def _last(texts):
    """The last line that is whole, in a list."""
    for text in reversed(texts):
        if (line := _parsed(text)) is not None:
            return [line]
    return []


def _parsed(text):
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "split" in line else None


def _results(lines, directions):
    found = {}
    validation = _by_metric(line for line in lines if line["split"] == "validation")
    for metric, values in validation.items():
        found[f"val_{metric}"] = values[-1]
        if (extreme := best(values, direction_of(metric, directions))) is not None:
            found[f"best_val_{metric}"] = extreme
    tests = _by_metric(line for line in lines if line["split"] == "test")
    return found | {f"test_{metric}": values[-1] for metric, values in tests.items()}


def _by_metric(lines):
    """A dict of metric to its values over the lines; null stands for NaN."""
    found = {}
    for line in lines:
        for metric, value in line.items():
            if metric not in _PLACES and (value is None or isinstance(value, (int, float))):
                found.setdefault(metric, []).append(math.nan if value is None else float(value))
    return found

"""What the commands read from a run's folder before they begin, and whether they can begin there."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tf_tricks import users_code
from tf_tricks.config.config_keys import DEFAULTS, FOLDER_OPTIONS
from tf_tricks.errors import RequestError
from tf_tricks.training import workdir
from tf_tricks.training.signature import kept

MAY_CHANGE = ("epochs", "callbacks", *FOLDER_OPTIONS)
"""The keys of a config that may be others when a run goes on."""


def check_workdir(folder: Any, config: Mapping[str, Any]) -> None:
    """Raises a `RequestError` if `folder` cannot hold this run; writes nothing.

    Args:
        folder: `etils.epath.Path`.
        config: the resolved config that is about to be trained.
    """
    workdir.check_place(folder)
    if (folder / "config.json").exists():
        before = read_config(folder)
        if before is None:
            raise RequestError(f"the run in {folder} was trained by Trainer.fit: choose another workdir")
        changed = [key for key in sorted(config) if key not in MAY_CHANGE and before.get(key) != _as_json(config[key])]
        if changed:
            key = changed[0]
            raise RequestError(
                f"the run in {folder} has another config: {key} was {before.get(key)!r} and is now {config[key]!r}; "
                "choose another workdir, or go on with the old config"
            )
    elif folder.exists() and any(entry.name != ".lock" for entry in folder.iterdir()):
        raise RequestError(f"the workdir {folder} holds something else than a run: choose a new or an empty folder")


def read_config(folder: Any) -> dict[str, Any] | None:
    """Returns the resolved config of the run in `folder`, or None of a run of `Trainer.fit`, which has none."""
    content = workdir.read(folder)
    config = DEFAULTS | content.get("config", {})
    if config["data"] is not None and config["model"] is not None:
        return config
    if "fingerprint" in content:
        return None
    raise RequestError(f"there is no readable run in {folder}: its config.json is missing or damaged")


def check_finished(folder: Any) -> None:
    """Raises a `RequestError` if the run in `folder` has not left its model yet."""
    if not workdir.finished_epochs(folder):
        raise RequestError(f"the run in {folder} is not finished: it has no model.keras yet; train it first")


def class_names(folder: Any) -> list[str] | None:
    """Returns the names of a run's classes, if its model has a single output of classes and the run keeps them."""
    _, outputs = kept(workdir.read(folder))
    return outputs[0].classes if outputs and len(outputs) == 1 else None


def last_step(folder: Any) -> int:
    """Returns how many updates the run in `folder` has made, by its log; 0 where that cannot be read."""
    try:
        return int(json.loads((folder / "metrics.jsonl").read_text().splitlines()[-1])["step"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return 0


def run_code(folder: Any) -> None:
    """Runs the files of the user's that a run's config has named, where they still lie.

    Args:
        folder: the run's.
    """
    for file in workdir.read(folder).get("code", []):
        if os.path.isfile(file):
            users_code.run_file(file)


def batch_line(trainer: Any, sizes: Sequence[int]) -> str:
    """Returns the line that says how many examples an update takes, and how many of them each device.

    Args:
        trainer: `Trainer`.
        sizes: every batch size of the run.
    """
    batch = " → ".join(str(size) for size in sizes)
    device = " → ".join(str(size // trainer.num_replicas) for size in sizes)
    line = f"batch of {batch}: {device} per device"
    if trainer.micro_batch is not None and max(sizes) > trainer.micro_batch:
        line += f", in micro-batches of {trainer.micro_batch // trainer.num_replicas}"
    return line


def is_finished(folder: Any, epochs: float = 0) -> bool:
    """Returns whether the run in `folder` has ended after at least so many epochs and left its model."""
    return workdir.finished_epochs(folder) >= max(epochs, 1e-9)


def result(folder: Any) -> str:
    """Returns the test results of a finished run as text; without a test set, the last of validation."""
    try:
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        last = {line["split"]: line for line in lines}
    except (OSError, ValueError, KeyError, TypeError):
        return "its results cannot be read, metrics.jsonl is missing or damaged"
    split = next((split for split in ("test", "validation") if split in last), None)
    if split is None:
        return "it has neither a test set nor a validation set"
    shown = {k: v for k, v in last[split].items() if isinstance(v, float) and k not in ("wall_time", "epoch")}
    results = "  ".join(f"{split} {name} {value:.4f}" for name, value in shown.items())
    return results + (best_note(folder) if split == "test" else "")


def best_note(folder: Any) -> str:
    """Returns which model a finished run has kept as its best, to come after the results; "" for none."""
    best = workdir.read(folder).get("best")
    if best is None:
        return ""
    if best["value"] is None:
        return f" (of the last model: no epoch had a finite {best['name']})"
    return f" (of the best model: {best['name']} {best['value']:.4f} in epoch {best['epoch']})"


def _as_json(value):
    return json.loads(json.dumps(value))

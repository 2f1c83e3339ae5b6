"""The files of a run that its programs write and read: config.json, the test line, model.keras."""

import json
import os
import platform
import tempfile
import time

from tf_tricks.errors import RequestError
from tf_tricks.trainers.config_file import DEFAULTS
from tf_tricks.training.checkpoint import write_atomically
from tf_tricks.training.logging import MetricsFile, numbers

MAY_CHANGE = (
    "epochs",
    "callbacks",
    "log_every",
    "histograms",
    "profile_steps",
    "checkpoint_epochs",
    "checkpoint_minutes",
    "keep",
)
"""The keys of a config that may be others when a run goes on."""


def check_workdir(folder, config):
    """Raises a `RequestError` if `folder` cannot hold this run; writes nothing.

    Args:
        folder: `etils.epath.Path`.
        config: the resolved config that is about to be trained.
    """
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"the workdir {folder} is a file: choose another")
    if (folder / "config.json").exists():
        before = read_config(folder)
        changed = [key for key in sorted(config) if key not in MAY_CHANGE and before.get(key) != _as_json(config[key])]
        if changed:
            key = changed[0]
            raise RequestError(
                f"the run in {folder} has another config: {key} was {before.get(key)!r} and is now {config[key]!r}; "
                "choose another workdir, or go on with the old config"
            )
    elif folder.exists() and any(entry.name != ".lock" for entry in folder.iterdir()):
        raise RequestError(f"the workdir {folder} holds something else than a run: choose a new or an empty folder")
    place = os.fspath(folder)
    while place and not os.path.exists(place):
        place = os.path.dirname(place) or "."
    if os.path.exists(place) and not os.path.isdir(place):
        raise RequestError(f"the workdir {folder} cannot be made: {place} is a file")
    if "://" not in os.fspath(folder) and not os.access(place, os.W_OK | os.X_OK):
        raise RequestError(f"the workdir {folder} cannot be made: {place} is not writable")


def make_workdir(folder):
    """Makes the folder, or raises a `RequestError` that says why it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"the workdir {folder} cannot be made: {error.strerror or error}") from error


def write_config(folder, config, device):
    """Writes config.json: every value, with versions and device; again where values that may change are others."""
    if (folder / "config.json").exists() and read_config(folder) == _as_json(config):
        return
    import keras
    import tensorflow as tf

    import tf_tricks

    versions = {
        "tf_tricks": tf_tricks.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }
    content = {"config": config, "versions": versions, "device": device}
    if (folder / "config.json").exists():  # what else is kept there stays
        content = json.loads((folder / "config.json").read_text()) | content
    write_atomically(folder / "config.json", json.dumps(content, indent=2).encode() + b"\n")


def read_config(folder):
    """Returns the resolved config of the run in `folder`."""
    try:
        content = dict(json.loads((folder / "config.json").read_text()))
        config = DEFAULTS | content.get("config", {})
        readable = config["data"] is not None and config["model"] is not None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"there is no readable run in {folder}: its config.json is missing or damaged") from error
    if set(content) == {"fingerprint"}:
        raise RequestError(
            f"the run in {folder} was trained by Trainer.fit, on a model and data that only that program knows: "
            "use its Trainer, or choose another folder"
        )
    if not readable:
        raise RequestError(f"there is no readable run in {folder}: its config.json is missing or damaged")
    return config


def as_markdown(config):
    """Returns the config as a table in Markdown."""
    rows = [f"| {key} | `{json.dumps(value)}` |" for key, value in config.items() if value is not None]
    return "\n".join(["| key | value |", "|---|---|", *rows])


def batch_line(trainer):
    """Returns the line that says how many examples an update takes, and how many of them each device."""
    sizes = trainer.batch_sizes
    batch = " → ".join(str(size) for size in sizes)
    device = " → ".join(str(size // trainer.num_replicas) for size in sizes)
    line = f"batch of {batch}: {device} per device"
    if trainer.micro_batch is not None and max(sizes) > trainer.micro_batch:
        line += f", in micro-batches of {trainer.micro_batch // trainer.num_replicas}"
    return line


def is_finished(folder, epochs=0):
    """Returns whether the run in `folder` has ended after at least so many epochs and left its model."""
    return (folder / "model.keras").exists() and read_config(folder)["epochs"] >= epochs


def reopen(folder):
    """Takes the model from a finished run that is to be trained on, so that it counts as unfinished from here on.

    Raises:
        RequestError: its checkpoints are gone.
    """
    if not (folder / "model.keras").exists():
        return
    if not any((folder / "checkpoints").glob("*")):
        raise RequestError(f"the run in {folder} is finished and has no checkpoints left to train on from")
    (folder / "model.keras").unlink()


def result(folder):
    """Returns the test results of a finished run, as text."""
    try:
        lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        tests = [values for values in lines if values["split"] == "test"]
    except (OSError, ValueError, KeyError, TypeError):
        return "its results cannot be read, metrics.jsonl is missing or damaged"
    if not tests:
        return "it has no test set"
    shown = {k: v for k, v in tests[-1].items() if isinstance(v, float) and k not in ("wall_time", "epoch")}
    return "  ".join(f"test {name} {value:.4f}" for name, value in shown.items())


def write_test_line(folder, trainer, results):
    """Adds the line of the test set to metrics.jsonl."""
    run = trainer.run
    MetricsFile(folder / "metrics.jsonl").write(
        split="test",
        step=run.progress.step,
        epoch=run.progress.examples_seen / run.num_examples,
        examples_seen=run.progress.examples_seen,
        **numbers(results),
        wall_time=time.time(),
    )


def export(folder, trainer):
    """Writes model.keras, whole or not at all; it takes raw inputs and loads with `keras.models.load_model`."""
    model = trainer.model
    # So that the loaded model can be evaluated: with the loss, too, if that is one that Keras can load by itself.
    loss = model.loss.keras_own() if hasattr(model.loss, "keras_own") else model.loss
    loss = loss if type(loss).__module__.startswith(("keras.", "builtins")) else None
    metrics = [m.keras_own() if hasattr(m, "keras_own") else m for m in model._compile_metrics.metrics]
    metrics = [type(m).from_config(m.get_config()) for m in metrics]
    model.compile("sgd", loss=loss, metrics=metrics)  # plain SGD has no state that loading would miss
    model.optimizer.build(model.trainable_variables)
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "model.keras")
        model.save(path)
        with open(path, "rb") as file:
            write_atomically(folder / "model.keras", file.read())


def _as_json(value):
    return json.loads(json.dumps(value))

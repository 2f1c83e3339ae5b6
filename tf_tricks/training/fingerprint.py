"""What a run is trained on and with, in a few short texts: whether a folder's run is this one is seen from them."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.data.array_source import ArraySource
from tf_tricks.errors import RequestError

_CHUNK = 1024
_SAMPLE = 64  # enough to see other data, few enough to cost nothing


def fingerprint(run: Any) -> dict[str, Any]:
    """Returns a dict of what must stay as it was when a run goes on.

    Args:
        run: the `Run`.

    Returns:
        Numbers and texts by name, as JSON can hold them: the data by a digest of some examples, the layers, optimizer
        and augmentation by their settings without names, the schedules by their arguments.
    """
    trainer, stream, task = run.trainer, run.stream, run.task
    optimizer = trainer.optimizer.get_config()
    for name in ("name", "learning_rate"):  # the rate is the schedule's
        optimizer.pop(name, None)
    compiled = {k: v for k, v in run.model._compile_config.config.items() if k in ("loss", "loss_weights")}
    return {
        "backend": keras.config.backend(),
        "number of training examples": run.num_examples,
        "training data": _digest_of_examples(stream.source),
        "seed": stream.seed,
        "augmentation": _settings(stream.augment),
        "model": _digest([_settings(layer) for layer in run.model._flatten_layers() if not layer._layers]),
        "loss": _as_text(keras.tree.map_structure(lambda part: _settings(part), compiled)),
        "optimizer": f"{type(trainer.optimizer).__name__} {_as_text(optimizer)}",
        "update": _as_text(trainer.update_arguments),
        "micro-batch": trainer.micro_batch,
        "class weights": None if run.class_weights is None else _as_text(np.asarray(run.class_weights).tolist()),
        "epochs": task.total_epochs,
        "learning rate": _described(task.learning_rate),
        "batch size": _described(task.batch_size),
        "keep_best": None if run.best is None else f"{run.best.mode} {run.best.name}",
    }


def check_same(folder: str | os.PathLike[str], before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> None:
    """Raises a `RequestError` if the run in `folder` is another one than the one that is to go on.

    Args:
        folder: the run's folder, for the sentence.
        before: the fingerprint that was kept, or None where there is none.
        now: that of the run that is to go on. More or fewer epochs are the same run; its schedules, which may be spread
            over all epochs, are then not compared.
    """
    before = before or {}
    others = () if before.get("epochs") == now["epochs"] else ("epochs", "learning rate", "batch size")
    for name, value in now.items():
        if name in before and name not in others and before[name] != value:
            digests = name in ("training data", "model")
            was = "" if digests else f": {before[name]} then, {value} now"
            raise RequestError(
                f"the run in {folder} is another one by its {name}{was}; choose another workdir, or what it had"
            )


def _digest_of_examples(source):
    """A digest of all examples that lie in memory; of a few of those that would have to be read and decoded."""
    number = source.num_examples
    if isinstance(source, ArraySource):
        parts = [np.arange(start, min(start + _CHUNK, number)) for start in range(0, number, _CHUNK)]
    else:
        parts = [np.unique(np.linspace(0, number - 1, _SAMPLE).astype("int64"))]
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        indices = tf.constant(part, tf.int64)
        for array in map(np.asarray, tf.nest.flatten(source.fetch(indices, indices))):
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(b"\0".join(map(bytes, array.flat)) if array.dtype.kind == "O" else array.tobytes())
    return digest.hexdigest()


def _digest(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _described(schedule):
    return re.sub(r" at 0x[0-9a-f]+", "", repr(schedule))  # where a function of one's own lies in memory


def _settings(part):
    """The class and the arguments of a layer, a loss or an augmentation."""
    if part is None or isinstance(part, (str, int, float)):
        return part
    try:
        config = part.get_config()
    except (NotImplementedError, AttributeError, TypeError):  # somebody's own that cannot be saved, or a function
        config = {}
    return f"{_name(part)} {_as_text(config)}"


def _as_text(config):
    return json.dumps(_without_names(config), sort_keys=True, default=_name)


def _without_names(value):
    """Names are counted up within a process: the same model has others in the next."""
    if isinstance(value, dict):
        return {str(k): _without_names(v) for k, v in value.items() if k not in ("name", "shared_object_id")}
    return [_without_names(v) for v in value] if isinstance(value, (list, tuple)) else value


def _name(value):
    return getattr(value, "__name__", type(value).__name__)

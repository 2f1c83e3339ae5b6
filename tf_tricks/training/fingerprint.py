"""What a run is trained on and with, in a few short texts: whether a folder's run is this one is seen from them."""

import hashlib
import json
import re

import numpy as np
import tensorflow as tf

from tf_tricks.errors import RequestError
from tf_tricks.training.checkpoint import write_atomically

EXAMPLES = 64  # looked at: enough to see other data, few enough to cost nothing


def fingerprint(run):
    """Returns a dict of what must stay as it was when a run goes on.

    Args:
        run: the `Run`.

    Returns:
        Numbers and texts by name, as JSON can hold them: the data by a digest of some examples, the layers, optimizer
        and augmentation by their settings without names, the schedules by their arguments.
    """
    trainer, stream = run.trainer, run.stream
    optimizer = trainer.optimizer.get_config()
    for name in ("name", "learning_rate"):  # the rate is the schedule's
        optimizer.pop(name, None)
    return {
        "number of training examples": run.num_examples,
        "training data": _digest_of_examples(stream.source),
        "seed": stream.seed,
        "augmentation": _settings(stream.augment),
        "model": _digest([_settings(layer) for layer in run.model._flatten_layers() if not layer._layers]),
        "optimizer": f"{type(trainer.optimizer).__name__} {_as_text(optimizer)}",
        "class weights": None if run.class_weights is None else _as_text(np.asarray(run.class_weights).tolist()),
        "epochs": run.total_epochs,
        "learning rate": _described(trainer.learning_rate),
        "batch size": _described(trainer.batch_size),
    }


def check_folder(folder, now):
    """Raises a `RequestError` if the files in `folder` are not those of this run; writes nothing.

    Args:
        folder: `etils.epath.Path` of the run.
        now: the fingerprint of the run that is to go on.
    """
    content = _read(folder)
    logged = (folder / "metrics.jsonl").exists() and (folder / "metrics.jsonl").stat().length > 0
    if logged and not any((folder / "checkpoints").glob("*")):
        if "fingerprint" not in content:
            raise RequestError(f"{folder} holds a metrics.jsonl of something else: choose a new or an empty folder")
        if (folder / "model.keras").exists():
            raise RequestError(f"the run in {folder} is finished and has no checkpoints left: choose another workdir")
    check_same(folder, content.get("fingerprint"), now)


def keep(folder, now):
    """Writes the fingerprint into config.json, beside what is there."""
    content = _read(folder)
    if content.get("fingerprint") != now:
        content = json.dumps(content | {"fingerprint": now}, indent=2)
        write_atomically(folder / "config.json", content.encode() + b"\n")


def check_same(folder, before, now):
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


def _read(folder):
    if not (folder / "config.json").exists():
        return {}
    try:
        return dict(json.loads((folder / "config.json").read_text()))
    except (ValueError, TypeError) as error:
        raise RequestError(f"the config.json in {folder} is damaged: choose another workdir") from error


def _digest_of_examples(source):
    indices = np.unique(np.linspace(0, source.num_examples - 1, EXAMPLES).astype("int64"))
    indices = tf.constant(indices)
    arrays = [np.asarray(array) for array in tf.nest.flatten(source.fetch(indices, indices))]
    return _digest([[str(a.dtype), list(a.shape), _bytes(a).hex()] for a in arrays])


def _bytes(array):
    return b"\0".join(map(bytes, array.flat)) if array.dtype.kind == "O" else array.tobytes()


def _digest(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _described(schedule):
    return re.sub(r" at 0x[0-9a-f]+", "", repr(schedule))  # where a function of one's own lies in memory


def _settings(layer):
    if layer is None:
        return None
    try:
        config = layer.get_config()
    except (NotImplementedError, AttributeError, TypeError):  # somebody's own that cannot be saved
        config = {}
    return f"{type(layer).__name__} {_as_text(config)}"


def _as_text(config):
    return json.dumps(_without_names(config), sort_keys=True, default=_name)


def _without_names(value):
    """Names are counted up within a process: the same model has others in the next."""
    if isinstance(value, dict):
        return {str(k): _without_names(v) for k, v in value.items() if k not in ("name", "shared_object_id")}
    return [_without_names(v) for v in value] if isinstance(value, (list, tuple)) else value


def _name(value):
    return getattr(value, "__name__", type(value).__name__)

"""What a run on many hosts adds: they agree before they begin, and only the chief has the folder."""

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from tf_tricks.engines import hosts
from tf_tricks.training.checkpoint import load_newest
from tf_tricks.training.fingerprint import fingerprint
from tf_tricks.training.settings import flattened
from tf_tricks.training.workdir import claimed, versions

_WRITERS = (
    keras.callbacks.BackupAndRestore,
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.RemoteMonitor,
    keras.callbacks.TensorBoard,
)


def hosts_own(callbacks: Iterable[keras.callbacks.Callback]) -> list[keras.callbacks.Callback]:
    """Returns those callbacks that this host runs: on others than the chief, none that writes.

    Those are Keras's own that write, and all with an attribute `chief_only` that is true.

    Example:
        >>> len(hosts_own([keras.callbacks.CSVLogger("log.csv")]))
        1
    """
    if hosts.is_chief():
        return list(callbacks)
    return [one for one in callbacks if not isinstance(one, _WRITERS) and not getattr(one, "chief_only", False)]


def agree_on(run: Any, settings: Mapping[str, Any]) -> None:
    """Raises the same `RequestError` on every host if they are not about to train the same.

    Args:
        run: the `Run`.
        settings: the config.
    """
    if not hosts.joined():
        return
    facts = {f"version of {name}": version for name, version in versions().items() if name != "python"}
    facts |= {f"config ({name})": value for name, value in flattened(dict(settings)).items()}
    folder = run.workdir
    newest = None if folder is None else load_newest(folder / "checkpoints")
    hosts.agree(facts | fingerprint(run) | {"newest checkpoint": None if newest is None else newest[1]["progress"]})
    if newest is None:  # what goes on has the weights of its checkpoint
        hosts.agree({"initial weights": _digest(run.model.weights)})


@contextlib.contextmanager
def claimed_by_chief(folder: Any, *arguments: Any) -> Iterator[str | None]:
    """Has the chief claim a run's folder; arguments as `workdir.claimed` takes them.

    Yields:
        The run's id, on every host.
    """
    claim = claimed(folder, *arguments) if hosts.is_chief() else contextlib.nullcontext()
    with claim as run_id:
        yield hosts.told_by_chief(run_id)
        hosts.exchange("done")  # the chief has written all


def _digest(variables):
    digest = hashlib.sha256()
    for variable in variables:
        digest.update(np.asarray(variable).tobytes())
    return digest.hexdigest()[:16]

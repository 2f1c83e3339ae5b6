"""model.keras: the model that a run leaves, which loads without this package's trainer."""

import contextlib
import os
import re
import tempfile
import zipfile
from typing import Any

import keras
import numpy as np
from absl import logging
from etils import epath
from keras.src.saving.serialization_lib import SerializableDict

from tf_tricks import users_code
from tf_tricks.errors import RequestError
from tf_tricks.training.checkpoint import write_atomically


def export(folder: epath.Path, model: keras.Model) -> None:
    """Writes model.keras, whole or not at all; it takes raw inputs and loads with `keras.models.load_model`.

    The loaded model is compiled with the loss, if that is one that Keras can load by itself, and with the metrics, so
    that it can be evaluated. The model given stays as it is.

    Args:
        folder: `etils.epath.Path`.
        model: a compiled `keras.Model`.

    Raises:
        RequestError: Keras cannot save the model: a layer of one's own has no `get_config`, for example.
    """
    with _compiled_plainly(model), tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "model.keras")
        try:
            model.save(path)
        except (NotImplementedError, TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise RequestError(f"Keras cannot save the model {model.name!r}: {reason}") from error
        with open(path, "rb") as file:
            write_atomically(folder / "model.keras", file.read())


def export_if_possible(folder: Any, model: keras.Model) -> None:
    """Leaves the model, if it can be saved: somebody's own may not, and its weights are in the checkpoints.

    Args:
        folder: the run's.
        model: to save.
    """
    try:
        export(folder, model)
    except RequestError as error:
        logging.warning("there is no model.keras: %s", error)


def load(folder: epath.Path, compile: bool, name: str = "model.keras") -> keras.Model:
    """Returns the model of a finished run.

    Args:
        folder: `etils.epath.Path`.
        compile: whether it is compiled with the loss and metrics it was saved with.
        name: the file's.

    Raises:
        RequestError: it cannot be read, or was made of parts that are not known here.
    """
    with (folder / name).open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise RequestError(f"{folder / name} is damaged: it is no archive, or was cut short")
    try:
        return keras.models.load_model(folder / name, users_code.classes(), compile=compile)
    except (OSError, ValueError, KeyError, TypeError) as error:
        unknown_class = re.search(r"Could not locate class '(\w+)'", str(error))
        if unknown_class:
            raise RequestError(
                f"{folder / name} has a part of its program's own, {unknown_class[1]}, which is not known here: load "
                "it in that program, after keras.saving.register_keras_serializable"
            ) from error
        raise RequestError(f"{folder / name} cannot be read: {str(error).splitlines()[0]}") from error


def _of_keras(structure):
    """What `compile` was given, as Keras can load it by itself; None where a part of it is somebody's own."""
    parts = [p.keras_own() if hasattr(p, "keras_own") else p for p in keras.tree.flatten(structure)]
    known = all(type(part).__module__.startswith(("keras.", "builtins")) and not _is_function(part) for part in parts)
    return keras.tree.pack_sequence_as(structure, parts) if known else None


def _is_function(part):
    return callable(part) and hasattr(part, "__code__") and not part.__module__.startswith("keras.")


def copy_weights(path: epath.PathLike, model: keras.Model) -> None:
    """Starts a model from the weights that another run has left.

    Args:
        path: the run's folder, or a .keras file.
        model: a built `keras.Model` with the same weights in the same order.

    Raises:
        RequestError: there is no such file, or a weight has another shape; no weight has changed.
    """
    path = epath.Path(path).expanduser()
    file = path if path.suffix == ".keras" else path / "model.keras"
    if not file.exists():
        raise RequestError(f"there are no weights to start from: {file} does not exist")
    found = load(file.parent, compile=False, name=file.name).weights
    if len(found) != len(model.weights):
        raise RequestError(f"{file} has {len(found)} weights, and the model has {len(model.weights)}")
    for theirs, ours in zip(found, model.weights):
        if theirs.shape != ours.shape:
            raise RequestError(
                f"the weight {theirs.path} of {file} is {list(theirs.shape)}, and that of the model, {ours.path}, is "
                f"{list(ours.shape)}"
            )
    for theirs, ours in zip(found, model.weights):
        ours.assign(np.asarray(theirs))


@contextlib.contextmanager
def _compiled_plainly(model):
    """Within this context the model is saved with parts of Keras only, and with plain SGD, which has no state."""
    before = model.optimizer, model._compile_config
    optimizer = keras.optimizers.SGD()
    optimizer.build(model.trainable_variables)
    plain = {name: _of_keras(value) for name, value in model._compile_config.config.items() if name != "optimizer"}
    model.optimizer, model._compile_config = optimizer, SerializableDict(optimizer=optimizer, **plain)
    try:
        yield
    finally:
        model.optimizer, model._compile_config = before

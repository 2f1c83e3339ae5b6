"""model.keras and best.keras: the models that a run leaves, which load without this package's trainer."""

import contextlib
import os
import re
import tempfile
import zipfile
from typing import Any

import keras
from absl import logging
from etils import epath
from keras.src.saving.serialization_lib import SerializableDict

from tf_tricks import users_code
from tf_tricks.errors import RequestError
from tf_tricks.storage import StorageError, local_copy, write_atomically

FILES = {"last": "model.keras", "best": "best.keras"}
"""What the models of a run's folder are: that at its end, and that of `keep_best`."""


def export(folder: epath.Path, model: keras.Model, checkpoint: str = "last") -> None:
    """Writes a model, whole or not at all; it takes raw inputs and loads with `keras.models.load_model`.

    The loaded model is compiled with the loss, if that is one that Keras can load by itself, and with the metrics, so
    that it can be evaluated. The model given stays as it is.

    Args:
        folder: `etils.epath.Path`.
        model: a compiled `keras.Model`.
        checkpoint: which of `FILES` it is.

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
            write_atomically(folder / FILES[checkpoint], file.read())


def export_if_possible(folder: Any, model: keras.Model, checkpoint: str = "last") -> None:
    """Leaves the model, if it can be saved: somebody's own may not, and its weights are in the checkpoints.

    Args:
        folder: the run's.
        model: to save.
        checkpoint: which of `FILES` it is.
    """
    try:
        export(folder, model, checkpoint)
    except RequestError as error:
        logging.warning("there is no %s: %s", FILES[checkpoint], error)


def load(folder: epath.Path, compile: bool, checkpoint: str = "last") -> keras.Model:
    """Returns a model of a finished run.

    Args:
        folder: `etils.epath.Path`.
        compile: whether it is compiled with the loss and metrics it was saved with.
        checkpoint: which of `FILES`.

    Raises:
        RequestError: it is not there, cannot be read, or was made of parts that are not known here.
    """
    path = folder / FILES[checkpoint]
    if checkpoint == "best" and not path.exists():
        raise RequestError(f"the run in {folder} has kept no best model: train it with keep_best, or say 'last'")
    try:
        with local_copy(path) as file:
            if not zipfile.is_zipfile(file):
                raise RequestError(f"{path} is damaged: it is no archive, or was cut short")
            return keras.models.load_model(file, users_code.classes(), compile=compile)
    except (RequestError, StorageError):
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        unknown_class = re.search(r"Could not locate class '(\w+)'", str(error))
        if unknown_class:
            raise RequestError(
                f"{path} has a part of its program's own, {unknown_class[1]}, which is not known here: load "
                "it in that program, after keras.saving.register_keras_serializable"
            ) from error
        raise RequestError(f"{path} cannot be read: {str(error).splitlines()[0]}") from error


def _of_keras(structure):
    """What `compile` was given, as Keras can load it by itself; None where a part of it is somebody's own."""
    parts = [p.keras_own() if hasattr(p, "keras_own") else p for p in keras.tree.flatten(structure)]
    known = all(type(part).__module__.startswith(("keras.", "builtins")) and not _is_function(part) for part in parts)
    return keras.tree.pack_sequence_as(structure, parts) if known else None


def _is_function(part):
    return callable(part) and hasattr(part, "__code__") and not part.__module__.startswith("keras.")


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

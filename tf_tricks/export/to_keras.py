"""A .keras file of its own: a copy of the one that a run has left."""

import os
from collections.abc import Callable

import keras
import numpy as np

from tf_tricks import users_code
from tf_tricks.errors import RunError
from tf_tricks.export.comparison import Arrays
from tf_tricks.export.signature import Signature, function_of


def write(content: bytes, path: str | os.PathLike[str]) -> None:
    """Writes the bytes of a .keras file."""
    with open(path, "wb") as file:
        file.write(content)


def checked(path: str | os.PathLike[str], model: keras.Model, signature: Signature) -> Callable[[Arrays], Arrays]:
    """Returns the model in a .keras file as a function of arrays by name.

    Args:
        path: of the file, which may have classes of the user's files.
        model: whose copy it is.
        signature: its inputs.

    Raises:
        RunError: a weight is not that of the model, bit for bit.
    """
    copy = keras.models.load_model(os.fspath(path), users_code.classes(), compile=False)
    for ours, theirs in zip(model.weights, copy.weights, strict=True):
        if np.asarray(ours).tobytes() != np.asarray(theirs).tobytes():
            raise RunError(f"the weight {theirs.path} of the copy is not that of the model; it is not kept")
    return function_of(copy, signature)

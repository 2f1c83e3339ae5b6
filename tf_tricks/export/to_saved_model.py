"""A SavedModel, for TensorFlow Serving and all that TensorFlow runs in."""

import os
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.export.comparison import Arrays
from tf_tricks.export.signature import Signature, named_outputs


def write(model: keras.Model, signature: Signature, path: str | os.PathLike[str]) -> None:
    """Writes a folder whose `serve` takes and gives what the model does.

    Args:
        model: a built `keras.Model`.
        signature: its inputs.
        path: of the folder.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)
    taken = [signature.inputs(signature.specs)]  # one argument, however many arrays it holds
    archive.add_endpoint("serve", lambda inputs: model(inputs, training=False), input_signature=taken)
    archive.write_out(os.fspath(path), verbose=False)


def load(path: str | os.PathLike[str], signature: Signature) -> Callable[[Arrays], Arrays]:
    """Returns the model in such a folder as a function of arrays by name."""
    loaded = tf.saved_model.load(os.fspath(path))

    def run(arrays):
        inputs = signature.inputs({name: tf.constant(array) for name, array in arrays.items()})
        outputs = named_outputs(loaded.serve(inputs))
        return {name: np.asarray(output) for name, output in outputs.items()}

    return run

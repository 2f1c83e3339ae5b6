"""A model that starts with the weights of another: of a run, or of a file."""

import os

import keras
import ml_dtypes
import numpy as np

from tf_tricks.errors import RequestError
from tf_tricks.storage import path_of
from tf_tricks.training import workdir
from tf_tricks.training.checkpoint import load_newest
from tf_tricks.training.saved_model import FILES
from tf_tricks.weights import LayerWeights, assign, layers_of, pair, read


def init_from(model: keras.Model, source: str | os.PathLike[str], strict: bool = True) -> str:
    """Starts a model with the weights of a run or of a file, before it is trained.

    Batch norm's statistics come along, the state of an optimizer does not.

    A layer is known by the name that it was given; one that Keras has numbered, such as `dense_3`, by its place among
    those of its class.

    Args:
        model: a built `keras.Model`.
        source: a run's folder, of which its model.keras is taken, or, where it is not finished, the weights that its
            newest checkpoint was training; or a `.keras`, `.weights.h5` or `.h5` file.
        strict: whether all weights must fit. False takes what fits: a new head stays new.

    Returns:
        A line that says what was taken and what not.

    Raises:
        RequestError: there are no weights, or they do not fit; the model has its own still.

    Example:
        >>> import os, tempfile, keras
        >>> import tf_tricks as tt
        >>> one, other = (keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]) for _ in range(2))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     one.save(os.path.join(folder, "one.keras"))
        ...     line = tt.init_from(other, os.path.join(folder, "one.keras"))
        >>> line.split(" from ")[0]
        'starts with all 2 weights'
    """
    if not isinstance(source, (str, os.PathLike)):
        raise RequestError(f"init_from must be a run's folder or a file of weights, not {source!r}")
    if not model.built:
        raise RequestError(f"the model {model.name!r} has no weights yet: give it a keras.Input, or call model.build")
    place, found = _find(path_of(source))
    ours = layers_of(model)
    pairing = pair(ours, found)
    if not pairing.pairs:
        raise RequestError(f"nothing in {place} fits the model {model.name!r}: {pairing.told()}")
    if strict and pairing.problems:
        raise RequestError(
            f"{place} does not fit the model {model.name!r}: {pairing.told()}; init_from_strict=False takes what fits"
        )
    assign(model, {our.path: their.weights for our, their in pairing.pairs})
    total = sum(len(layer.weights) for layer in ours)
    taken = sum(len(our.weights) for our, _ in pairing.pairs)
    if not pairing.problems:
        return f"starts with all {taken} weights from {place}"
    return f"starts with {taken} of {total} weights from {place}; not taken: {pairing.told()}"


def _find(path):
    """Returns where the weights are, and their layers."""
    if not path.is_dir():
        return path, read(path)
    if not (path / "config.json").exists() or workdir.finished_epochs(path):
        return path / FILES["last"], read(path / FILES["last"])
    saved = load_newest(path / "checkpoints")
    if saved is None:
        raise RequestError(f"the run in {path} has no weights yet: neither {FILES['last']} nor a checkpoint")
    arrays, values = saved
    if not values.get("layers"):
        raise RequestError(f"the checkpoints in {path} do not say whose weights they hold: finish that run first")
    layers = [
        LayerWeights(layer, name, {key: _readable(arrays[f"model/{i}"]) for key, i in known.items()})
        for layer, name, known in values["layers"]
    ]
    return f"{path} at step {values['progress']['step']}", layers


def _readable(array):
    return array.view(ml_dtypes.bfloat16) if array.dtype.kind == "V" else np.asarray(array)

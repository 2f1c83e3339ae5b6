"""Weights as they lie in files: of `model.save`, of `model.save_weights`, and the .h5 that are published."""

import io
import zipfile
from typing import Any

import h5py
import numpy as np
from etils import epath
from keras.src.legacy.saving.legacy_h5_format import load_attributes_from_hdf5_group
from keras.src.saving.saving_lib import H5IOStore

from tf_tricks.errors import RequestError
from tf_tricks.storage import StorageError, path_of
from tf_tricks.weights.layers import LayerWeights

SUFFIXES = (".keras", ".weights.h5", ".h5")

_NO_LAYERS = ("optimizer", "metrics", "compile_metrics", "_compile_metrics", "loss_tracker", "_loss_tracker")


def read(path: epath.PathLike) -> list[LayerWeights]:
    """Returns the `LayerWeights` of a file; no class of the model's is needed.

    Args:
        path: a `.keras`, `.weights.h5` or `.h5` file, local or remote.

    Raises:
        RequestError: there is no such file, it is damaged, or holds no weights.
    """
    path = path_of(path)
    if not path.is_file():
        raise RequestError(f"there are no weights to start from: {path} does not exist")
    if not path.name.endswith(SUFFIXES):
        raise RequestError(f"{path} is no file of weights: these end in {', '.join(SUFFIXES)}")
    try:
        content = io.BytesIO(path.read_bytes())
        if path.suffix != ".keras":
            return _layers_in(content)
        with zipfile.ZipFile(content) as archive:
            return _layers_in(io.BytesIO(archive.read("model.weights.h5")))
    except StorageError:
        raise
    except zipfile.BadZipFile as error:
        raise RequestError(f"{path} is damaged: it is no archive, or was cut short") from error
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise RequestError(f"{path} is damaged, or holds no weights: {' '.join(str(error).split())[:200]}") from error


def _layers_in(file):
    with h5py.File(file, "r") as opened:
        for group in (opened, opened.get("model_weights")):
            if group is not None and any(name.startswith("layer_names") for name in group.attrs):
                return _layers_of_keras_2(group)
    file.seek(0)
    return _layers_of_keras_3(H5IOStore(file, mode="r"))


def _layers_of_keras_3(store):
    """Each group `vars` is a layer's, and has its name."""
    names: dict[str, Any] = {}

    def note(path, group):
        if path.split("/")[-1] == "vars" and path.split("/")[0] not in _NO_LAYERS:
            names[path.removesuffix("vars").rstrip("/")] = group.attrs.get("name", "")

    store.h5_file.visititems(note)
    found = []
    for path, name in names.items():
        entry = store.get(path)
        found.append(LayerWeights(path, str(name), {key: entry[key] for key in entry.keys()}))
    return found


def _layers_of_keras_2(group):
    """A group for each layer, in their order; that of a model within the model has the weights of all its layers."""
    found = []
    for i, name in enumerate(load_attributes_from_hdf5_group(group, "layer_names")):
        weights = load_attributes_from_hdf5_group(group[name], "weight_names")
        owners = [weight.split("/")[-2] if "/" in weight else name for weight in weights]
        inner = list(dict.fromkeys(owners)) if len(set(owners)) > 1 else []
        found.append(LayerWeights(f"layers/{i}", name, {} if inner else _arrays(group[name], weights)))
        for j, owner in enumerate(inner):
            own = [weight for weight, of in zip(weights, owners) if of == owner]
            found.append(LayerWeights(f"layers/{i}/layers/{j}", owner, _arrays(group[name], own)))
    return found


def _arrays(group, names):
    return {str(i): np.asarray(group[name]) for i, name in enumerate(names)}

"""What is to be predicted: arrays, tables or pictures, reached by their index, as a model takes them."""

import os
from collections.abc import Mapping
from typing import Any

import keras

from tf_tricks.data import columns, input_arrays, input_pictures, pictures
from tf_tricks.data.input_spec import InputSpec
from tf_tricks.data.unlabeled import Inputs
from tf_tricks.errors import RequestError
from tf_tricks.storage import path_of


def read_inputs(
    path: str | os.PathLike[str], config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None = None
) -> Inputs:
    """Returns the `Inputs` in a file or folder.

    Args:
        path: an .npz with the array x, or with an array of each input's name; an .npy; a .csv or .parquet with a column
            for each input or number; a folder of pictures, or a single one.
        config: of the run: the key `data` says how pictures are brought to size; None of a run of `Trainer.fit`.
        model: that takes the inputs.
        spec: what the training inputs were, or None where the run does not say it.

    Raises:
        RequestError: there is no such file, it cannot be read, or the model cannot take what is in it.
    """
    place = path_of(path)
    suffix = place.suffix.lower()
    if place.is_dir():
        return input_pictures.of_folder(place, config, model, spec)
    if not place.exists():
        raise RequestError(f"there is no file or folder {str(path)!r} to predict")
    if suffix in pictures.SUFFIXES:
        return input_pictures.of_file(place, config, model, spec)
    if suffix == ".npz":
        return input_arrays.of_archive(place, model, spec)
    if suffix == ".npy":
        return input_arrays.of_array(place, model, spec)
    if suffix in columns.SUFFIXES:
        return input_arrays.of_table(place, config, model, spec)
    raise RequestError(
        f"{str(path)!r} must be a folder of pictures, or a file {', '.join(('.npz', '.npy', *columns.SUFFIXES))} or "
        f"{', '.join(pictures.SUFFIXES)}"
    )

"""The data set `arrays`: a file of NumPy arrays."""

import os
from collections.abc import Mapping

from tf_tricks.annotations import Structure
from tf_tricks.data.archive import Archive, read_archive
from tf_tricks.data.memory import budget
from tf_tricks.data.splits import Splits, from_arrays
from tf_tricks.errors import RequestError, unknown
from tf_tricks.registry import register

NAMES = tuple(f"{kind}_{part}" for part in ("train", "validation", "test") for kind in "xyw")


@register("data", "arrays")
def arrays(
    file: str | os.PathLike[str],
    validation_fraction: float | None = None,
    num_classes: int | None = None,
    seed: int = 0,
    keys: Mapping[str, Structure] | None = None,
    memory_budget: float | None = None,
) -> Splits:
    """Returns the arrays of a NumPy archive (.npz) or of a folder of .npy files.

    x_train and y_train must be there; x_validation, y_validation, x_test and y_test may be. w_train, w_validation and
    w_test, if they are there, are what each example counts. Arrays of other names are chosen by `keys`.

    Args:
        file: its path; may be remote (`gs://`).
        validation_fraction: the part of the training examples that is held out, from 0 (none) to below 1; by default
            0.1, or 0 where there is x_validation.
        num_classes: classes, if there are more than y_train shows.
        seed: determines which examples are held out.
        keys: dict of our names to those of the file: `{"x_train": "images", "y_train": "labels"}`. An input or an
            output of several parts is a dict or a list of names: `{"x_train": {"left": "a", "right": "b"}, …}`. An
            autoencoder's y_train is what its x_train is; without y_train the model learns without labels.
        memory_budget: bytes; an array that has more stays in its file and is read by index, unless it is compressed.
            By default half of the memory that is free.

    Raises:
        RequestError: there is no such file, it is damaged, an array is missing, or `from_arrays` cannot use them.
    """
    limit = budget(memory_budget)
    if keys is None:
        found = read_archive(file, NAMES, needed=("x_train", "y_train"), memory_budget=limit)
    else:
        for key in keys:
            if key not in NAMES:
                raise unknown("key for an array called", key, NAMES)
        if "x_train" not in keys:
            raise RequestError(f"the keys do not say which array is x_train; {os.fspath(file)!r} is the file")
        archive = Archive(file, limit)
        found = {key: archive.structure(names) for key, names in keys.items()}
    return from_arrays(**found, validation_fraction=validation_fraction, seed=seed, num_classes=num_classes)

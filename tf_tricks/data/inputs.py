"""What is to be predicted: arrays, tables or pictures, reached by their index, as a model takes them."""

import dataclasses
import inspect
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import keras
import numpy as np
from etils import epath

from tf_tricks import users_code
from tf_tricks.annotations import Structure
from tf_tricks.data import pictures
from tf_tricks.data.input_spec import InputSpec, white_of
from tf_tricks.errors import RequestError
from tf_tricks.registry import entries

_CHUNK = 2**24  # numbers that are checked at a time
_SAMPLE = 1024  # rows whose values are compared with those of the training images


@dataclasses.dataclass(frozen=True)
class Inputs:
    """Inputs without labels.

    Attributes:
        keys: what each is called: the path of a picture in its folder, or the number of a row, from 0.
        fetch: function of an int64 array [b] of indices that returns the inputs [b', ...] of those that can be read, in
            the model's structure, and a dict of place in the batch to reason for those that cannot.
        said: lines for the user, on what was done to the inputs that nobody asked for.
    """

    keys: Sequence[Any]
    fetch: Callable[[np.ndarray], tuple[Structure, dict[int, str]]]
    said: tuple[str, ...] = ()


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
    place = epath.Path(path).expanduser()
    suffix = place.suffix.lower()
    if place.is_dir():
        names, others = _found(place)
        return _of_pictures(Path(place), names, others, config, model, spec)
    if not place.exists():
        raise RequestError(f"there is no file or folder {str(path)!r} to predict")
    if suffix in pictures.SUFFIXES:
        return _of_pictures(Path(place).parent, [place.name], 0, config, model, spec)
    if suffix == ".npz":
        return _of_arrays(_archive(place, model), model, spec)
    if suffix == ".npy":
        return _of_arrays(_array(place, model), model, spec)
    if suffix in (".csv", ".parquet"):
        return _of_table(place, model, spec)
    raise RequestError(
        f"{str(path)!r} must be a folder of pictures, or a file {', '.join(('.npz', '.npy', '.csv', '.parquet'))} or "
        f"{', '.join(pictures.SUFFIXES)}"
    )


# Arrays


def _archive(place, model):
    names = _names(model)
    try:
        with place.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            found = dict(archive.items()) if isinstance(archive, np.lib.npyio.NpzFile) else None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise RequestError(f"{str(place)!r} cannot be read as a NumPy archive of numbers: {error}") from error
    if found is None:
        raise RequestError(f"{str(place)!r} holds a single array: save it as .npy, or with np.savez")
    for name in names:
        if name not in found:
            raise RequestError(f"{str(place)!r} lacks the array {name}; it holds {', '.join(sorted(found)) or 'none'}")
    return {name: found[name] for name in names}


def _array(place, model):
    names = _names(model)
    if len(names) > 1:
        raise RequestError(f"the model takes {', '.join(names)}: save them in an .npz with np.savez")
    try:
        return {names[0]: np.load(place, mmap_mode="r", allow_pickle=False)}
    except (OSError, ValueError, EOFError) as error:
        raise RequestError(f"{str(place)!r} cannot be read as a NumPy array of numbers: {error}") from error


def _of_arrays(arrays, model, spec):
    """Inputs of a dict of arrays, one for each input of the model."""
    lengths = {len(array) if array.ndim else None for array in arrays.values()}
    if len(lengths) > 1 or None in lengths:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise RequestError(f"the arrays must have as many rows each, not {shapes}")
    (number,) = lengths
    if not number:
        raise RequestError("there is nothing to predict: the arrays have no rows")
    tensors = _tensors(model, spec)
    arrays = {name: _shaped(name, array, tensors.get(name)) for name, array in arrays.items()}
    for name, array in arrays.items():
        _check_values(name, array, tensors.get(name))

    dtypes = [None if tensor is None else tensor[1] for tensor in map(tensors.get, arrays)]

    def fetch(indices):
        rows = [_as(dtype, array[indices]) for dtype, array in zip(dtypes, arrays.values())]
        return _packed(model, rows), {}

    return Inputs(range(number), fetch, _unlike(arrays, spec))


def _unlike(arrays, spec):
    """A line where the values of images are of quite another size than those that the model was trained on."""
    if spec is None or spec.range is None or len(arrays) > 1:
        return ()
    (values,) = (np.asarray(array[:_SAMPLE]) for array in arrays.values())
    trained, given = spec.range[1], float(values.max())
    if trained <= 0 or trained / 8 <= given <= 8 * trained:
        return ()
    return (f"the values go up to {given:.4g}, and those of the training images went up to {trained:.4g}",)


def _shaped(name, array, tensor):
    """The array, with an axis for the only channel or number where it has none."""
    if tensor is None:
        return array
    shape, expected = array.shape[1:], tuple(tensor[0])
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        array, shape = array[..., np.newaxis], (*shape, 1)
    if len(shape) != len(expected) or any(n is not None and n != m for n, m in zip(expected, shape)):
        raise RequestError(f"the model takes inputs {list(expected)}, and {name} holds {list(shape)} in each row")
    return array


def _check_values(name, array, tensor):
    dtype = None if tensor is None else tensor[1]
    if array.dtype.kind in "USO" or dtype == "string":
        if array.dtype.kind not in "US" or dtype not in (None, "string"):
            raise RequestError(f"the model takes {dtype}, and {name} holds {array.dtype}")
        return
    if array.dtype.kind not in "buif":
        raise RequestError(f"{name} must hold numbers, not {array.dtype}")
    step = max(1, _CHUNK // max(1, array[0].size))
    for start in range(0, len(array), step) if array.dtype.kind == "f" or dtype == "uint8" else ():
        part = np.asarray(array[start : start + step])
        if not np.isfinite(part).all():
            bad = start + int(np.argmin(np.isfinite(part.reshape(len(part), -1)).all(axis=1)))
            raise RequestError(f"{name} must be finite, and row {bad} (counted from 0) is not")
        if dtype == "uint8" and array.dtype != np.uint8 and (part.min() < 0 or part.max() > 255 or (part % 1).any()):
            raise RequestError(
                f"the model takes whole numbers from 0 to 255, and {name} holds {part.min():g} to {part.max():g}"
            )


def _as(dtype, values):
    if values.dtype.kind in "US":
        return values.astype(object)
    if dtype is not None:
        return values.astype(dtype)
    return values.astype("float32") if values.dtype.kind == "f" else values


def _names(model):
    """What the model's inputs are called; the only one is x."""
    structure = _structure(model)
    if isinstance(structure, dict):
        return sorted(structure)  # as keras.tree.flatten
    if isinstance(structure, (list, tuple)) and len(model.inputs) > 1:
        return [tensor.name for tensor in model.inputs]
    return ["x"]


def _tensors(model, spec):
    """Shape and dtype of each input by its name, as far as they are known."""
    trained = None if spec is None else spec.dtype  # which an augmentation has seen, before Keras made it the model's
    tensors = keras.tree.flatten(_structure(model))
    if tensors:
        return {name: (t.shape[1:], trained or t.dtype) for name, t in zip(_names(model), tensors)}
    return {} if spec is None else {"x": (spec.shape, spec.dtype)}


def _packed(model, arrays):
    structure = _structure(model)
    if not keras.tree.flatten(structure) or not keras.tree.is_nested(structure):
        return arrays[0]
    return keras.tree.pack_sequence_as(structure, arrays)


def _structure(model):
    """The model's symbolic inputs, in their structure; an empty one where they are known to the model's code only."""
    if not getattr(model, "inputs", None):
        return ()
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input


# Tables


def _of_table(place, model, spec):
    from tf_tricks.data.columns import read_columns  # pyarrow takes a while

    columns, names = read_columns(place), _names(model)
    if names != ["x"] or "x" in columns:
        missing = [name for name in names if name not in columns]
        if missing:
            raise RequestError(f"{str(place)!r} lacks the column {missing[0]}; it has {', '.join(columns)}")
        return _of_arrays({name: columns[name] for name in names}, model, spec)
    shape = _tensors(model, spec).get("x", ((None,), None))[0]
    numbers = [name for name, values in columns.items() if values.dtype.kind in "buif"]
    if len(shape) != 1 or shape[0] not in (None, len(numbers)):
        raise RequestError(
            f"the model takes inputs {list(shape)}, and {str(place)!r} has {len(numbers)} columns of numbers: "
            f"{', '.join(numbers) or 'none'}"
        )
    inputs = _of_arrays({"x": np.stack([columns[name] for name in numbers], axis=1)}, model, spec)
    return dataclasses.replace(inputs, said=(f"the inputs are the columns {', '.join(numbers)}, in this order",))


# Pictures


def _found(folder):
    if "://" in os.fspath(folder):
        raise RequestError(f"a folder of pictures must be a local one, not {os.fspath(folder)!r}")
    return pictures.find(Path(folder))


def _of_pictures(folder, names, others, config, model, spec):
    said = [f"passed over, no pictures: {others} file{'s' if others > 1 else ''}"] if others else []
    if not names:
        raise RequestError(f"there is no picture ({', '.join(pictures.SUFFIXES)}) in {str(folder)!r}")
    expected = _tensors(model, spec)
    shape = expected.get("x", ((), None))[0]
    if spec is not None and len(spec.shape) == 3:
        shape = [known or trained for known, trained in zip(shape, spec.shape)]
    if len(shape) != 3 or None in shape or shape[-1] not in (1, 2, 3, 4):
        what = ", ".join(f"{name} {list(shape)}" for name, (shape, _) in expected.items()) or "of a kind not known"
        raise RequestError(f"the model takes no pictures of a known size, its inputs are {what}")
    white = white_of(spec)
    resize, part, assumed = _resizing(config, spec)
    colors = {1: "gray", 2: "gray with alpha", 3: "colors", 4: "colors with alpha"}[shape[-1]]
    if assumed:
        said.append(
            f"pictures are stretched to {shape[0]} × {shape[1]}, {colors}: the run's data say nothing of pictures"
        )
    if white != 255:
        said.append(f"their values, 0 to 255, are brought to 0 to {white:g}, those of the training images")
    elif spec is None and expected["x"][1] != "uint8":
        said.append("their values stay 0 to 255: the run does not keep the range of its training images")
    whole = spec is not None and spec.dtype == "uint8"

    def one(name):
        try:
            return pictures.read(folder / name, *shape, resize, part)
        except pictures.DamagedPicture as error:
            return str(error)

    def fetch(indices):
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as threads:
            found = list(threads.map(one, [names[i] for i in indices]))
        damaged = {i: image for i, image in enumerate(found) if isinstance(image, str)}
        read = [image for image in found if not isinstance(image, str)]
        images = np.stack(read) if read else np.zeros((0, *shape), "uint8")
        if white != 255:
            images = images * np.float32(white / 255)
            images = np.round(images).astype("uint8") if whole else images
        return images, damaged

    return Inputs([Path(name).as_posix() for name in names], fetch, tuple(said))


def _resizing(config, spec):
    """How pictures are brought to size, the part of them that is looked at, and whether that had to be assumed."""
    given = {} if config is None else config["data"]
    given = {"name": given} if isinstance(given, str) else dict(given)
    name = given.get("name")
    made = entries("data")[name].make if name in entries("data") else None
    default = inspect.signature(made).parameters.get("resize") if made is not None else None
    resize = given.get("resize", None if default is None else default.default)
    if resize in pictures.RESIZE:
        return resize, 1.0, False
    of_tfds = isinstance(name, str) and made is None and not users_code.is_name(name)
    if of_tfds and given.get("image_size") is not None:  # which takes the middle
        return "crop", (spec and spec.part) or 1.0, False
    return "stretch", 1.0, True

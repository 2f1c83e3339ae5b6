"""Arrays and tables that are to be predicted."""

import dataclasses
import zipfile
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from tf_tricks.data.columns import Columns
from tf_tricks.data.input_spec import InputSpec
from tf_tricks.data.model_inputs import names_of, packed, tensors_of
from tf_tricks.data.unlabeled import Inputs
from tf_tricks.errors import RequestError

_CHUNK = 2**24  # numbers that are checked at a time
_SAMPLE = 1024  # rows whose values are compared with those of the training images


def of_archive(place: Any, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns the inputs in an .npz; arguments as of `inputs.read_inputs`, the path an `etils.epath.Path`."""
    names = names_of(model)
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
    return _of_arrays({name: found[name] for name in names}, model, spec)


def of_array(place: Any, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns the inputs in an .npy, of which only what is fetched is read; arguments as of `of_archive`."""
    names = names_of(model)
    if len(names) > 1:
        raise RequestError(f"the model takes {', '.join(names)}: save them in an .npz with np.savez")
    try:
        array = np.load(place, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RequestError(f"{str(place)!r} cannot be read as a NumPy array of numbers: {error}") from error
    return _of_arrays({names[0]: array}, model, spec)


def _of_arrays(arrays, model, spec):
    """Inputs of a dict of arrays, one for each input of the model."""
    lengths = {len(array) if array.ndim else None for array in arrays.values()}
    if len(lengths) > 1 or None in lengths:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in arrays.items())
        raise RequestError(f"the arrays must have as many rows each, not {shapes}")
    (number,) = lengths
    if not number:
        raise RequestError("there is nothing to predict: the arrays have no rows")
    tensors = tensors_of(model, spec)
    arrays = {name: _shaped(name, array, tensors.get(name)) for name, array in arrays.items()}
    for name, array in arrays.items():
        _check_values(name, array, tensors.get(name))

    dtypes = [None if tensor is None else tensor[1] for tensor in map(tensors.get, arrays)]

    def fetch(indices):
        rows = [_as(dtype, array[indices]) for dtype, array in zip(dtypes, arrays.values())]
        return packed(model, rows), {}

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


def of_table(place: Any, config: Mapping[str, Any] | None, model: keras.Model, spec: InputSpec | None) -> Inputs:
    """Returns the inputs in a table; arguments as of `inputs.read_inputs`, the path an `etils.epath.Path`."""
    names, tensors = names_of(model), tensors_of(model, spec)
    data: Any = {} if config is None else config["data"]
    fill = data.get("fill") or {} if hasattr(data, "get") else {}
    columns = Columns(place)
    columns = Columns(place, {name: value for name, value in fill.items() if name in columns.names})
    if names != ["x"] or "x" in columns.names:
        found = {name: _column(columns, name, tensors.get(name)) for name in names}
        return _of_arrays(found, model, spec)
    shape = tensors.get("x", ((None,), None))[0]
    numbers = [name for name in columns.names if not columns.is_text(name)]
    if len(shape) != 1 or shape[0] not in (None, len(numbers)):
        raise RequestError(
            f"the model takes inputs {list(shape)}, and {str(place)!r} has {len(numbers)} columns of numbers: "
            f"{', '.join(numbers) or 'none'}"
        )
    inputs = _of_arrays({"x": np.stack([columns.numbers(name) for name in numbers], axis=1)}, model, spec)
    return dataclasses.replace(inputs, said=(f"the inputs are the columns {', '.join(numbers)}, in this order",))


def _column(columns, name, tensor):
    columns.check(name)
    if (tensor is not None and tensor[1] == "string") or (tensor is None and columns.is_text(name)):
        return columns.texts(name).astype(str)
    return columns.numbers(name)

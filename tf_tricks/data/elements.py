"""What data sets of other libraries yield, in batches of arrays."""

import itertools
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.data.structure import described, map_arrays
from tf_tricks.errors import RequestError, unknown

_AT_ONCE = 256
"""Examples that are put together where they come one by one."""


def can_be_read(data: Any) -> bool:
    """Returns whether `batches_of` takes this: a data set, a sequence of examples or an iterator, and no arrays."""
    if isinstance(data, (tf.data.Dataset, keras.utils.PyDataset)):
        return True
    if isinstance(data, (str, bytes, dict, list, tuple)) or hasattr(data, "shape"):
        return False
    return hasattr(data, "__next__") or hasattr(data, "__iter__") or _is_sequence(data)


def number_of(data: Any) -> int | None:
    """Returns how many elements there are, None where that is not known; -1 if there is no end."""
    if isinstance(data, tf.data.Dataset):
        number = int(data.cardinality())
        return {tf.data.INFINITE_CARDINALITY: -1, tf.data.UNKNOWN_CARDINALITY: None}.get(number, number)
    if isinstance(data, keras.utils.PyDataset):
        return -1 if data.num_batches is None else data.num_batches
    try:
        return len(data)
    except TypeError:
        return None


def batches_of(
    data: Any, pick: Callable[[Any], tuple[Structure, ...]], batched: bool | None, steps: int | None
) -> Iterator[tuple[Structure, ...]]:
    """Yields (inputs,), (inputs, labels) or (inputs, labels, weights), structures of NumPy arrays [b, ...].

    Args:
        data: a `tf.data.Dataset`, a `keras.utils.PyDataset`, anything with `__len__` and `__getitem__` (a data set of
            Hugging Face, of PyTorch, a data source of TFDS), an iterator or an iterable.
        pick: function of an element that returns its parts, from `picker`.
        batched: whether its elements are batches; None finds out.
        steps: how many elements to read, None for all.

    Raises:
        RequestError: whether the elements are batches cannot be told; there is no end; or they differ in shape.
    """
    if number_of(data) == -1 and steps is None:
        raise RequestError("this data set has no end: say how many of its elements to read, steps=1000")
    batched = _is_batched(data) if batched is None else batched
    elements = itertools.islice(_elements(data), steps)
    if batched:
        for element in elements:
            batch = map_arrays(as_array, pick(element))
            lengths = {len(array) for array in tf.nest.flatten(batch)}
            if len(lengths) != 1:
                raise RequestError(f"the arrays of a batch have different lengths: {described(batch)}")
            yield batch
        return
    while chunk := [map_arrays(as_array, pick(element)) for element in itertools.islice(elements, _AT_ONCE)]:
        try:
            yield tf.nest.map_structure(lambda *values: np.stack(values), *chunk)
        except ValueError as error:
            raise RequestError(
                f"the examples differ in shape: {str(error).splitlines()[0]}; bring them to one"
            ) from error


def behind(batches: Iterable[tuple[Structure, ...]], number: int) -> Iterator[tuple[Structure, ...]]:
    """Yields what is left of batches behind their first `number` examples."""
    for batch in batches:
        length = len(tf.nest.flatten(batch)[0])
        if number < length:
            yield tf.nest.map_structure(operator.itemgetter(slice(number, None)), batch) if number else batch
        number = max(0, number - length)


def picker(inputs: Any, labels: Any, weights: Any) -> Callable[[Any], tuple[Structure, ...]]:
    """Returns the function from an element to its parts.

    Args:
        inputs: names of the columns that are inputs, one or a structure of them; None where elements are tuples
            (inputs, labels, weights), (inputs, labels) or inputs alone, as for `keras.Model.fit`.
        labels: likewise, or None for no labels.
        weights: likewise.

    Example:
        >>> picker({"left": "a"}, "b", None)({"a": 1, "b": 2, "c": 3})
        ({'left': 1}, 2)
    """
    if inputs is None:
        if labels is not None or weights is not None:
            raise RequestError("labels or weights are named, and inputs are not: name all of them, inputs='image'")
        return lambda element: tuple(element) if isinstance(element, (tuple, list)) else (element,)
    names = [inputs] + [part for part in (labels, weights) if part is not None]

    def value(element, name):
        if hasattr(name, "items"):
            return {key: value(element, part) for key, part in name.items()}
        if isinstance(name, (tuple, list)):
            return tuple(value(element, part) for part in name)
        if not hasattr(element, "keys"):
            raise RequestError(f"columns are named, and the elements are no dicts but {described(element)}")
        if name not in element:
            raise unknown("column called", name, element.keys())
        return element[name]

    return lambda element: tuple(value(element, name) for name in names)


def _elements(data) -> Iterator[Any]:
    if isinstance(data, tf.data.Dataset):
        return data.as_numpy_iterator()
    if isinstance(data, keras.utils.PyDataset):
        number = data.num_batches
        return (data[i] for i in (itertools.count() if number is None else range(number)))
    if _is_sequence(data):
        return (data[i] for i in range(len(data)))
    return iter(data)


def counts_examples(data: Any) -> bool:
    """Returns whether `number_of` is that of examples."""
    return _is_sequence(data)


def _is_sequence(data):
    return hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, keras.utils.PyDataset)


def _is_batched(data):
    if not isinstance(data, tf.data.Dataset):
        return not _is_sequence(data)  # what has no index yields batches, as for keras.Model.fit
    shapes = [spec.shape for spec in tf.nest.flatten(data.element_spec)]
    if any(shape.rank == 0 for shape in shapes):
        return False
    first = {shape[0] if shape.rank else None for shape in shapes}
    if first == {None}:
        return True
    if len(first) == 1 and None not in first:
        raise RequestError(
            f"each element of this data set has {first.pop()} numbers along the first axis of all its parts: say "
            "whether these are the examples of a batch, batched=True, or belong to one example, batched=False"
        )
    return False


def as_array(value: Any) -> np.ndarray:
    """Returns a part of an element as an array: floats as float32, texts as objects."""
    if hasattr(value, "detach"):  # PyTorch's
        value = value.detach().cpu().numpy()
    array = np.asarray(value)
    if array.dtype.kind == "U":
        return array.astype(object)
    return array.astype("float32") if array.dtype.kind == "f" else array


def names_in(columns: Sequence[str], name: str) -> None:
    """Raises a `RequestError` if `name` is none of the columns."""
    if name not in columns:
        raise unknown("column called", name, columns)

"""What a model takes and gives, each array by a name: what every format knows them by."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_tricks.annotations import Structure
from tf_tricks.errors import RequestError

UNKNOWN_SIZE = 32
"""Of an axis that may have any length, where an example has to be made up."""


@dataclasses.dataclass(frozen=True)
class Signature:
    """The inputs of a model.

    Attributes:
        structure: as the model takes them, with a name in place of each array.
        specs: dict of name to `tf.TensorSpec`; the first axis is the batch, None where it may have any size.
    """

    structure: Any
    specs: dict[str, tf.TensorSpec]

    @property
    def batch_size(self) -> int | None:
        """Examples that the model takes at once, None for any number."""
        sizes = {spec.shape[0] for spec in self.specs.values()} - {None}
        return min(sizes, default=None)

    def arrays(self, inputs: Structure) -> dict[str, np.ndarray]:
        """Returns inputs as a dict of name to array, in the dtypes and the ranks that the model takes.

        Args:
            inputs: arrays in the model's structure.

        Raises:
            RequestError: there are others than the model takes.
        """
        specs, flat = list(self.specs.values()), [np.asarray(array) for array in keras.tree.flatten(inputs)]
        fitting = [_of_rank(array, len(spec.shape)) for array, spec in zip(flat, specs)]
        fit = (spec.shape[1:].is_compatible_with(array.shape[1:]) for array, spec in zip(fitting, specs))
        if len(flat) != len(specs) or not all(fit):
            raise RequestError(f"the model takes inputs of {_shapes(specs)}, and the data have {_shapes(flat)}")
        return {
            name: array if spec.dtype == tf.string else array.astype(spec.dtype.as_numpy_dtype)
            for (name, spec), array in zip(self.specs.items(), fitting)
        }

    def inputs(self, arrays: Mapping[str, Any]) -> Structure:
        """Returns arrays by name as the model takes them."""
        return keras.tree.map_structure(lambda name: arrays[name], self.structure)

    def function(self, model: keras.Model) -> Callable[..., dict[str, Any]]:
        """Returns what a model computes as a function of its inputs one by one, in the order of `specs`."""

        def outputs(*flat):
            return named_outputs(model(self.inputs(dict(zip(self.specs, flat))), training=False))

        return outputs

    def with_batch_size(self, size: int | None) -> "Signature":
        """Returns the same inputs in batches of one size."""
        specs = {
            name: tf.TensorSpec([size, *spec.shape[1:]], spec.dtype, spec.name) for name, spec in self.specs.items()
        }
        return Signature(self.structure, specs)


def of(model: keras.Model, inputs: Structure | None = None) -> Signature:
    """Returns the signature of a built model.

    Args:
        model: functional, sequential, or a subclass.
        inputs: a batch of examples, for a subclass, which does not know the dtype of what it takes.

    Raises:
        RequestError: it is a subclass, there are no examples, and it does not know the shapes either.
    """
    structure = getattr(getattr(model, "_functional", model), "_inputs_struct", None)
    if structure is not None:
        leaves = [(x._keras_history.operation.name, x.shape, x.dtype) for x in keras.tree.flatten(structure)]
    elif inputs is not None:
        structure, arrays = inputs, [np.asarray(array) for array in keras.tree.flatten(inputs)]
        leaves = [(f"input_{i}", [None, *x.shape[1:]], _dtype_of(x)) for i, x in enumerate(arrays)]
    else:
        structure = _built_with(model)
        leaves = [(f"input_{i}", x.shape, x.dtype) for i, x in enumerate(keras.tree.flatten(structure))]
    paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
    names = _unique([_key(path) or name for path, (name, _, _) in zip(paths, leaves)])
    specs = {name: tf.TensorSpec(shape, dtype, name) for name, (_, shape, dtype) in zip(names, leaves)}
    return Signature(keras.tree.pack_sequence_as(structure, names), specs)


def named_outputs(outputs: Structure) -> dict[str, Any]:
    """Returns outputs by name: their keys, or `output_0`, `output_1`, … as in a SavedModel of Keras's.

    Example:
        >>> named_outputs([1, 2]), named_outputs({"left": 1})
        ({'output_0': 1, 'output_1': 2}, {'left': 1})
    """
    flat = keras.tree.flatten_with_path(outputs)
    names = _unique([_key(path) or f"output_{i}" for i, (path, _) in enumerate(flat)])
    return {name: output for name, (_, output) in zip(names, flat)}


def function_of(model: keras.Model, signature: Signature) -> Callable[[Mapping[str, Any]], dict[str, np.ndarray]]:
    """Returns a model as a function of arrays by name, compiled as in `keras.Model.predict`."""
    traced = tf.function(signature.function(model), autograph=False)

    def run(arrays):
        outputs = traced(*(tf.constant(arrays[name], spec.dtype) for name, spec in signature.specs.items()))
        return {name: np.asarray(output) for name, output in outputs.items()}

    return run


def made_up(signature: Signature, number: int) -> dict[str, np.ndarray]:
    """Returns random examples: images of 0 to 255, floats drawn from N(0, 1), the integers 0 and 1, short texts.

    Args:
        signature: of the model that takes them.
        number: of examples.
    """
    rng = np.random.default_rng(0)
    return {name: _random(rng, [number, *spec.shape[1:]], spec.dtype) for name, spec in signature.specs.items()}


def _random(rng, shape, dtype):
    shape = [UNKNOWN_SIZE if size is None else size for size in shape]
    if dtype == tf.string:
        return rng.choice(np.array([b"", b"a", b"b"], object), shape)
    if dtype == tf.uint8:
        return rng.integers(0, 256, shape, "uint8")
    if dtype.is_integer or dtype.is_bool:
        return rng.integers(0, 2, shape).astype(dtype.as_numpy_dtype)
    return rng.normal(size=shape).astype(dtype.as_numpy_dtype)


def _built_with(model):
    """Specs in the structure of the shapes that a subclass was built with."""
    shapes = list((getattr(model, "_build_shapes_dict", None) or {}).values())
    if len(shapes) != 1:
        raise RequestError(f"the model {model.name!r} does not say which inputs it takes")

    def spec(shape):
        if isinstance(shape, dict):
            return {key: spec(part) for key, part in shape.items()}
        if shape and not all(size is None or isinstance(size, int) for size in shape):
            return [spec(part) for part in shape]
        return keras.InputSpec(shape=(None, *shape[1:]), dtype=model.input_dtype)

    return spec(shapes[0])


def _of_rank(array, rank):
    """An array with or without a last axis of length 1, which Keras adds and takes away where a model asks for it."""
    if array.ndim == rank - 1:
        return array[..., None]
    return array[..., 0] if array.ndim == rank + 1 and array.shape[-1] == 1 else array


def _shapes(arrays):
    return ", ".join(str(list(array.shape[1:])) for array in arrays)


def _dtype_of(array):
    return tf.string if array.dtype.kind in "OSU" else tf.as_dtype(array.dtype)


def _key(path):
    """What a dict, or dicts in each other, call an array; nothing where a list or a tuple holds it."""
    return "_".join(path) if path and all(isinstance(key, str) for key in path) else ""


def _unique(names):
    """Names that every format takes: letters, digits and underscores, none of them twice."""
    plain = [re.sub(r"\W", "_", name, flags=re.ASCII) for name in names]
    plain = [name if re.match("[A-Za-z]", name) else f"x{name}" for name in plain]
    return [name if name not in plain[:i] else f"{name}_{i}" for i, name in enumerate(plain)]

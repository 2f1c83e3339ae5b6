"""What a model's inputs are called, and what they must be."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_tricks.annotations import Shape, Structure
from tf_tricks.data.input_spec import InputSpec


def names_of(model: keras.Model) -> list[str]:
    """Returns what the model's inputs are called, in the order of `keras.tree.flatten`; the only one is x.

    Example:
        >>> names_of(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]))
        ['x']
    """
    structure = _structure(model)
    if isinstance(structure, dict):
        return sorted(structure)  # as keras.tree.flatten
    if isinstance(structure, (list, tuple)) and len(model.inputs) > 1:
        return [tensor.name for tensor in model.inputs]
    return ["x"]


def tensors_of(model: keras.Model, spec: InputSpec | None) -> dict[str, tuple[Shape, str]]:
    """Returns the shape of one input and its dtype, for each by its name, as far as they are known.

    Args:
        model: that takes them.
        spec: what the training inputs were, or None; their dtype is what an augmentation has seen.
    """
    trained = None if spec is None else spec.dtype
    tensors = keras.tree.flatten(_structure(model))
    if tensors:
        return {name: (t.shape[1:], trained or t.dtype) for name, t in zip(names_of(model), tensors)}
    return {} if spec is None else {"x": (tuple(spec.shape), spec.dtype)}


def packed(model: keras.Model, arrays: Sequence[Any]) -> Structure:
    """Returns the model's inputs, in its structure.

    Args:
        model: that takes them.
        arrays: of each, in the order of `names_of`.
    """
    structure = _structure(model)
    if len(arrays) == 1 and not isinstance(structure, dict):  # Keras takes it for a list of one, too
        return arrays[0]
    return keras.tree.pack_sequence_as(structure, arrays)


def _structure(model):
    """The model's symbolic inputs, in their structure; an empty one where they are known to the model's code only."""
    if not getattr(model, "inputs", None):
        return ()
    return model.inputs[0] if isinstance(model, keras.Sequential) else model.input

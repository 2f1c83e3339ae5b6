"""The outputs of a model one by one: their names, their losses, and what of the labels belongs to each."""

from collections.abc import Sequence
from typing import Any

import keras

from tf_tricks.annotations import Structure
from tf_tricks.data.labels import Labels


def names_of(model: keras.Model, outputs: Structure) -> list[str]:
    """Returns a name for each output of a model, in the order of `keras.tree.flatten`; a single one's is empty."""
    if not keras.tree.is_nested(outputs):
        return [""]
    paths = _paths(outputs)
    layers = list(getattr(model, "output_names", None) or [])
    if not isinstance(outputs, dict) and len(set(layers)) == len(paths):
        return layers
    return ["_".join(map(str, path)) for path in paths]


def losses_of(model: keras.Model, outputs: Structure) -> list[Any]:
    """Returns the Keras loss of each output, None where it has none, of a model whose losses are built."""
    found: list[Any] = [None] * len(_paths(outputs))
    compiled = getattr(model, "_compile_loss", None)
    for item in [] if compiled is None else compiled._flat_losses or []:
        index = _index(outputs, item.path, list(getattr(model, "output_names", None) or []))
        if found[index] is None:  # of several for one output the first
            found[index] = getattr(item.loss, "_loss", item.loss)
    return found


def aligned(outputs: Structure, parts: Structure, names: Sequence[str]) -> list[Any]:
    """Returns what of `parts` belongs to each output; None where nothing does.

    Args:
        outputs: a model's.
        parts: labels, weights or kinds of labels; in a dict by the outputs' names, or in the structure of the outputs,
            or one for all.
        names: from `names_of`.

    Example:
        >>> aligned([1.0, 2.0], {"b": "labels of b", "a": "labels of a"}, ["a", "b"])
        ['labels of a', 'labels of b']
    """
    return [_part(parts, path, i, names) for i, path in enumerate(_paths(outputs))]


def _part(parts, path, index, names):
    for step in path or (0,):
        if isinstance(parts, dict):
            parts = parts.get(step if step in parts or not names[index] else names[index])
        elif isinstance(parts, (list, tuple)) and not isinstance(parts, Labels):
            place = index if isinstance(step, str) else step  # Keras, too, takes a list in the order of the names
            parts = parts[place] if place < len(parts) else None
        else:
            break
    return parts


def _paths(outputs):
    return [path for path, _ in keras.tree.flatten_with_path(outputs)]


def _index(outputs, path, layers):
    """Which of the flat outputs lies at a path; Keras names those of a list where their losses are a dict."""
    numbers = keras.tree.pack_sequence_as(outputs, range(len(_paths(outputs))))
    for step in path:
        if not keras.tree.is_nested(numbers):
            break
        numbers = numbers[step if isinstance(numbers, dict) or isinstance(step, int) else layers.index(step)]
    return keras.tree.flatten(numbers)[0]

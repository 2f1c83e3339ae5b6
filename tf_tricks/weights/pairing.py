"""Which layer of one model gets the weights of which layer of another."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import keras
from keras.src.utils.naming import to_snake_case

from tf_tricks.weights.layers import LayerWeights, named_weights, with_weights

MOST_TOLD = 10
"""Weights that a sentence names."""

_CLASSES = {to_snake_case(name) for name in (*vars(keras.layers), "Sequential", "Functional", "Model")}


class Pairing(NamedTuple):
    """What fits, and what does not.

    Attributes:
        pairs: layers of ours and of theirs whose weights have the same shapes.
        problems: what does not fit, a part of a sentence for each weight.
    """

    pairs: list[tuple[LayerWeights, LayerWeights]]
    problems: list[str]

    def told(self) -> str:
        """Returns the problems as a part of a sentence, the first ten of them."""
        more = len(self.problems) - MOST_TOLD
        return ", ".join(self.problems[:MOST_TOLD]) + (f", and {more} more" if more > 0 else "")


def pair(ours: Sequence[LayerWeights], theirs: Sequence[LayerWeights]) -> Pairing:
    """Returns which layer of `ours` gets the weights of which layer of `theirs`.

    A layer is known by the name that it was given. One that Keras has numbered, such as `dense_3`, has another number
    in another process: it is known by its place among those of its class, in the model that it is in.

    Args:
        ours: `layers_of` the model that gets weights.
        theirs: those of the other.

    Example:
        >>> import keras
        >>> from tf_tricks.weights.layers import layers_of
        >>> models = [keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dense(n, name="logits")])
        ...           for n in (10, 3)]
        >>> pairing = pair(layers_of(models[1]), layers_of(models[0]))
        >>> len(pairing.pairs), pairing.told()
        (1, 'logits/kernel is [8, 10] there and [8, 3] here, logits/bias is [10] there and [3] here')
    """
    unique = _chosen_once(ours) & _chosen_once(theirs)
    of_theirs = {_key(layer, key, unique): layer for layer, key in _known_by(theirs)}
    pairs, differing, missing = [], [], []
    for our, path in _known_by(ours):
        their = of_theirs.pop(_key(our, path, unique), None)
        if their is None:
            missing += [f"{name} {list(shape)} is not there" for name, shape in named_weights(our)]
        elif (unequal := _unequal(our, their)) != []:
            differing += unequal
        else:
            pairs.append((our, their))
    unused = [f"{layer.name} {_shapes(layer)} is only there" for layer in of_theirs.values()]
    return Pairing(pairs, differing + missing + unused)


def in_order(
    ours: Sequence[LayerWeights], theirs: Sequence[LayerWeights]
) -> list[tuple[LayerWeights, LayerWeights]] | None:
    """Returns the first layers of `theirs` beside `ours`, one after the other, or None where a shape differs.

    Args:
        ours: `layers_of` the model that gets weights.
        theirs: those of the other, in the order in which it was made.
    """
    pairs = list(zip(with_weights(ours), with_weights(theirs)))
    if len(pairs) < len(with_weights(ours)) or any(_unequal(our, their) for our, their in pairs):
        return None
    return pairs


def _known_by(layers):
    """Returns pairs of each layer that has weights and what it is known by, the layers around it first."""
    keys: dict[str, str] = {}
    numbers: Counter = Counter()
    found = []
    for layer in sorted(layers, key=lambda layer: _natural(layer.path)):
        around = next((path for path in _around(layer.path) if path in keys), "")
        own = layer.name or layer.path.split("/")[-1]
        if _is_numbered(layer):
            own = f"{_base(own)} {numbers[around, _base(own)]}"
            numbers[around, _base(layer.name)] += 1
        keys[layer.path] = f"{keys[around]}/{own}" if around else own
        found.append((layer, keys[layer.path]))
    return [(layer, key) for layer, key in found if layer.weights]


def _key(layer, key, unique):
    """A name that only one layer has, on both sides, is enough: the layers around it may be others."""
    return layer.name if layer.name in unique else key


def _chosen_once(layers):
    names = Counter(layer.name for layer in with_weights(layers) if layer.name and not _is_numbered(layer))
    return {name for name, number in names.items() if number == 1}


def _is_numbered(layer):
    """Whether the name is one that Keras makes of the class."""
    return _base(layer.name) in _CLASSES | {_base(layer.path.split("/")[-1])}


def _base(name):
    return re.sub(r"_\d+$", "", name)


def _around(path):
    """The paths around a path, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _natural(path):
    """So that `dense_10` comes after `dense_9`."""
    return [[int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)] for name in path.split("/")]


def _unequal(our, their):
    """What keeps a layer from the weights of another, in words."""
    if our.weights.keys() != their.weights.keys():
        return [f"{our.name} has weights of {_shapes(their)} there and {_shapes(our)} here"]
    return [
        f"{name} is {list(their.weights[key].shape)} there and {list(shape)} here"
        for key, (name, shape) in zip(our.weights, named_weights(our))
        if tuple(their.weights[key].shape) != shape
    ]


def _shapes(layer):
    return " and ".join(str(list(shape)) for _, shape in named_weights(layer))

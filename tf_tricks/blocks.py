"""The blocks of a network, from its input to its output: what is frozen, thawed or slowed down as one."""

import itertools
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras

from tf_tricks.block_names import STEM, block_of_paths, is_stem, numbered_blocks, with_their_downsampling
from tf_tricks.computation import Step, single_tensors, steps_of
from tf_tricks.errors import RequestError

__all__ = ["Block", "block_of_paths", "blocks_of"]

# What scales a layer's outputs belongs to that layer, also where its weights are more than a vector.
_SCALES = re.compile("norm|prelu", re.IGNORECASE)


class Block(NamedTuple):
    """One block of a network.

    Attributes:
        name: such as `"conv2_block1"`, `"stem"`, or that of its first layer with weights.
        layers: tuple of its layers, in the order of computation; a layer that is made of layers is one.
    """

    name: str
    layers: tuple[keras.layers.Layer, ...]


def blocks_of(model: keras.Model) -> list[Block]:
    """Returns the blocks of a model and of all models inside it, from the input to the output.

    What is called a block, layer or stage with a number is one block (`conv2_block1_1_conv`, `block2b_dwconv`,
    `transformer_layer_3`); what comes before the first is `"stem"`. Where the names tell nothing, the graph does: a
    block ends where one single tensor carries everything, so that no residual branch is torn apart. It has at least one
    layer with weights of its own; normalizations and layers without weights belong to the block before them. A model
    that has no graph, being a subclass, is taken for its layers in the order of its attributes.

    Args:
        model: a built `keras.Model`.

    Returns:
        list of `Block`. Each layer, and so each weight, is in exactly one; weights that a subclass of `keras.Model`
        holds itself are in none.

    Raises:
        RequestError: the model has no weights yet.

    Example:
        >>> body = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), include_top=False)
        >>> blocks = blocks_of(keras.Sequential([body, keras.layers.Flatten(), keras.layers.Dense(3, name="logits")]))
        >>> [block.name for block in blocks][:3], [block.name for block in blocks][-2:]
        (['stem', 'expanded_conv', 'block_1'], ['Conv_1', 'logits'])
    """
    if not model.weights:
        raise RequestError(f"the model {model.name!r} has no weights yet: give it a keras.Input, or call it once")
    steps = steps_of(model)
    heavy = [_is_heavy(step.operation) for step in steps]
    parts = _parts(len(steps), single_tensors(steps, heavy))
    labels = _labels(steps, parts, heavy)
    following = with_their_downsampling(labels)
    return _named(_grouped(steps, [following[label] for label in labels], heavy))


def _is_heavy(operation: Any) -> bool:
    """Returns whether a step is a layer that computes with a matrix, not one that scales what another makes."""
    if not isinstance(operation, keras.layers.Layer) or _SCALES.search(type(operation).__name__):
        return False
    return any(len(weight.shape) >= 2 for weight in operation.weights)


def _parts(number, ends):
    """The ranges of steps between one single tensor and the next."""
    bounds = [0, *(end + 1 for end in ends if end + 1 < number), number]
    return list(map(range, bounds, bounds[1:]))


def _labels(steps: Sequence[Step], parts: Sequence[range], heavy: Sequence[bool]) -> list[str]:
    """Returns for each step what its block is called in full."""
    numbered = numbered_blocks([step.path for step in steps])
    telling = _telling(numbered, parts, heavy)
    of_tensor: dict[int, str] = {}
    labels: list[str] = []
    for part in parts:
        told = {numbered[i] for i in part} & telling
        weighty = [i for i in part if heavy[i]]
        for i in part:
            known = [of_tensor[value] for value in steps[i].sources if value in of_tensor]
            if numbered[i] in telling:
                label = numbered[i]
            elif len(told) == 1:
                (label,) = told
            elif told:
                label = max(known, key=labels.index, default="")
            elif weighty:
                label = steps[weighty[0]].path
            else:
                label = labels[-1] if labels else ""
            labels.append(label or "")
            if label:
                of_tensor.update(dict.fromkeys(steps[i].results, label))
    branched = [part[0] for part in parts if _is_branched(part, steps, heavy)]
    if len(branched) == 1:  # two heads of the network, rather than its blocks
        branched = []
    first = min([i for i, label in enumerate(labels) if label in telling] + branched, default=0)
    return _with_stem(labels, first, heavy)


def _is_branched(part, steps, heavy):
    """Whether a part is more than a layer in a chain: a residual block, say."""
    joins = any(len(set(steps[i].sources)) > 1 for i in part)
    return sum(heavy[i] for i in part) > (0 if joins else 1)


def _telling(numbered, parts, heavy):
    """The numbers that are those of blocks: a layer with weights tells them, or one beside it if it does not."""
    telling = set()
    for part in parts:
        weighty = {numbered[i] for i in part if heavy[i]}
        if weighty:
            telling |= weighty - {None} or {numbered[i] for i in part} - {None}
    return telling


def _with_stem(labels, first, heavy):
    """The labels, with one for what comes before the first block."""
    if is_stem(sum(heavy[:first]), sum(heavy)):
        before = set(labels[:first])
        labels = [STEM if label in before else label for label in labels]
    unknown = [i for i, label in enumerate(labels) if not label]
    known = next((label for label in labels if label), STEM)
    start = STEM if any(heavy[i] for i in unknown) else known
    labels = [label or start for label in labels]
    if not any(heavy[:first]):
        labels[:first] = [labels[first]] * first
    return labels


def _grouped(steps, labels, heavy):
    """Pairs of a label and its layers, in the order in which the blocks are complete."""
    layers: dict[str, list[keras.layers.Layer]] = {}
    complete: dict[str, int] = {}
    seen = set()
    for i, (step, label) in enumerate(zip(steps, labels)):
        if isinstance(step.operation, keras.layers.Layer) and id(step.operation) not in seen:
            seen.add(id(step.operation))
            layers.setdefault(label, []).append(step.operation)
            if heavy[i] or label not in complete:
                complete[label] = i
    return [(label, layers[label]) for label in sorted(layers, key=complete.__getitem__)]


def _named(groups):
    """Blocks with names that are as short as they can be and still tell one from another."""
    shorts = [label.rpartition("/")[2] for label, _ in groups]
    used: set[str] = set()
    blocks = []
    for (label, layers), short in zip(groups, shorts):
        name = short if shorts.count(short) == 1 and not short.isdigit() else label
        names = itertools.chain([name], (f"{name}_{i}" for i in itertools.count(2)))
        blocks.append(Block(next(n for n in names if n not in used), tuple(layers)))
        used.add(blocks[-1].name)
    return blocks

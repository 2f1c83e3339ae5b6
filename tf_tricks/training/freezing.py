"""Which blocks of a pretrained model are trained, and from which epoch on."""

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from tf_tricks.blocks import Block, blocks_of
from tf_tricks.callbacks.gradual_unfreezing import GradualUnfreezing
from tf_tricks.errors import RequestError, check_number
from tf_tricks.models.head import head_of

ALL = "all"
AUTO = "auto"


class Unfreezing(NamedTuple):
    """What `freeze` has found and done.

    Attributes:
        body: the blocks below the head, from the input on; a list of `Block`.
        head: the layer that is trained in any case.
        starts: dict of a block's place in `body` to the epoch from which on it is trained, for those that are.
        callbacks: what the trainer needs, where blocks join later.
    """

    body: list[Block]
    head: keras.layers.Layer
    starts: dict[int, int]
    callbacks: list[keras.callbacks.Callback]

    def table(self) -> str:
        """Returns what is trained and what is frozen, a line for each block, with the parameters that are trained."""
        rows = [("block", "parameters", "trained")]
        for place, block in enumerate(self.body):
            variables = _variables(block.layers)
            kept = _count([variable for variable in variables if not variable.trainable])
            rows.append((block.name, f"{_count(variables):,}", _when(self.starts.get(place), kept)))
        rows.append((self.head.name, f"{_count(self.head.weights):,}", "yes"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c}" for a, b, c in rows]
        return "\n".join(lines)


def freeze(
    model: keras.Model, trained_blocks: int | str | Mapping[Any, int | str], frozen_batch_norm: bool = True
) -> Unfreezing:
    """Freezes the blocks of a model that are not trained; those above them and the head are.

    Args:
        model: a built functional or sequential `keras.Model` with one output, whose last weights are its head.
        trained_blocks: how many of the last blocks below the head are trained, from 0, or `"all"`; or a dict of epoch,
            counted from 0, to that: `{0: 0, 5: "all"}` trains the head for five epochs and then the whole. There, more
            than there are means all.
        frozen_batch_norm: whether the batch normalizations of all blocks stay frozen: they run in inference mode.

    Returns:
        An `Unfreezing`. Where blocks join later its `callbacks` must be given to `fit`, or they are trained from the
        beginning.

    Raises:
        RequestError: there are no so many blocks, or the model has no head.

    Example:
        >>> model = keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(4) for _ in range(3))])
        >>> unfreezing = freeze(model, 1)
        >>> [layer.trainable for layer in model.layers]
        [False, True, True]
    """
    head = head_of(model)
    if head is None:
        raise RequestError(
            f"trained_blocks counts from the head of the model, and the last weights of {model.name!r} are no dense "
            "layer"
        )
    body = _body(model, head)
    starts: dict[int, int] = {}
    for epoch, number in _stages(trained_blocks, len(body)):
        for place in range(len(body) - number, len(body)):
            starts.setdefault(place, epoch)
    joining: dict[int, list[keras.layers.Layer]] = {0: [head]}
    for place, block in enumerate(body):
        for layer in block.layers:
            layer.trainable = place in starts
            if frozen_batch_norm:
                _freeze_batch_norm(layer)
        trained = [layer for layer in block.layers if layer.trainable_variables]
        if place in starts and trained:
            joining.setdefault(starts[place], []).extend(trained)
    callbacks = [GradualUnfreezing(joining)] if len(joining) > 1 else []
    return Unfreezing(body, head, starts, callbacks)


def _body(model, head):
    """The blocks without the head; what else is in the head's block stays one."""
    found = [Block(block.name, tuple(x for x in block.layers if x is not head)) for block in blocks_of(model)]
    return [block for block in found if _variables(block.layers)]


def _stages(trained_blocks, total):
    """Returns pairs of epoch and number of blocks, in the order of the epochs."""
    if not hasattr(trained_blocks, "items"):
        number = _number("trained_blocks", trained_blocks)
        if total < number < math.inf:
            raise RequestError(
                f"trained_blocks is {number}, and the model has {total} blocks below its head: say 'all' for all"
            )
        return [(0, min(number, total))]
    try:
        given = sorted((int(epoch), number) for epoch, number in trained_blocks.items())
    except (TypeError, ValueError):
        raise RequestError(f"trained_blocks must be a dict of epochs to numbers, not {trained_blocks!r}") from None
    if not given or given[0][0] != 0:
        raise RequestError("trained_blocks must say what is trained from epoch 0 on, as {0: 0, 5: 'all'} does")
    stages = [(epoch, _number(f"trained_blocks[{epoch}]", number)) for epoch, number in given]
    if any(a[1] > b[1] for a, b in itertools.pairwise(stages)):
        raise RequestError(f"trained_blocks must not fall from epoch to epoch, as {dict(stages)} does")
    return [(epoch, min(number, total)) for epoch, number in stages]


def _number(name, value):
    if value == ALL:
        return math.inf
    if isinstance(value, str):
        auto = "; 'auto' is for tf-tricks finetune, which chooses" if value == AUTO else ""
        raise RequestError(f"{name} must be a number of blocks or 'all', not {value!r}{auto}")
    return int(check_number(name, value, minimum=0, integer=True))


def _freeze_batch_norm(layer):
    for part in layer._flatten_layers():
        if "BatchNorm" in "".join(base.__name__ for base in type(part).__mro__):
            part.trainable = False


def _variables(layers):
    return [variable for layer in layers for variable in layer.weights]


def _count(variables):
    return sum(int(keras.ops.size(variable)) for variable in variables)


def _when(start, kept):
    if start is None:
        return "no"
    return ("yes" if start == 0 else f"from epoch {start + 1} on") + (f", but for {kept:,}" if kept else "")

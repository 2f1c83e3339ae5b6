"""What tests of the blocks of networks ask."""

from tf_tricks.blocks import blocks_of
from tf_tricks.computation import steps_of


def names(model):
    return [block.name for block in blocks_of(model)]


def layers_by_block(model):
    return {block.name: [layer.name for layer in block.layers] for block in blocks_of(model)}


def check_properties(model):
    """Checks what holds for every network; returns for each block but the last how many tensors leave it."""
    blocks = blocks_of(model)
    weights = [id(weight) for block in blocks for layer in block.layers for weight in layer.weights]
    assert sorted(weights) == sorted({id(weight) for weight in model.weights})
    inside = [id(layer) for block in blocks for layer in block.layers]
    assert len(set(inside)) == len(inside)
    assert len({block.name for block in blocks}) == len(blocks)
    for block in blocks:
        assert any(len(weight.shape) > 1 for layer in block.layers for weight in layer.weights), block.name

    place = {id(layer): i for i, block in enumerate(blocks) for layer in block.layers}
    block_of: dict[int, int] = {}  # of each tensor
    crossing: list[set[int]] = [set() for _ in blocks]  # after each block, the tensors that go on
    for step in steps_of(model):
        before = max((block_of[tensor] for tensor in step.sources), default=0)
        own = place.get(id(step.operation), before)
        assert before <= own, step.path
        for tensor in step.sources:
            for i in range(block_of[tensor], own):
                crossing[i].add(tensor)
        block_of.update(dict.fromkeys(step.results, own))
    return [len(tensors) for tensors in crossing[:-1]]

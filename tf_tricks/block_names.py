"""The blocks of a network, as far as the names of its layers tell them."""

import itertools
import re
from collections.abc import Iterable, Sequence

# Each pattern is found from the start of a name, up to the last such word with a number: what is before tells apart
# stages, "conv2_block1" and "conv3_block1". The first pattern that is found counts: a layer of a block is no block.
_NUMBERED = (
    # Inception-ResNet counts within each kind of block; elsewhere what comes after a block's number is inside it.
    r"(?:.*/)?block(?:35|17|8)_\d+(?=_(?:mixed|conv|ac)(?:/|$))",
    r".*blocks?[_./]*\d+(?:[a-z](?![a-z]))?",  # of EfficientNet: block2b
    r".*(?<!input_)layers?[_./]*\d+(?:[a-z](?![a-z])|[./]\d+(?![^./]))?",  # of PyTorch's ResNets: layer2.0
    r".*(?:stage|cell)s?[_./]*\d+",
    r"(?:.*/)?expanded_conv(?:_\d+)?(?=[_/]|$)",  # of MobileNet
    r"(?:.*/)?mixed_?\d+[a-z]?(?=/|$)",  # of Inception
    r"(?:.*/)?pool\d+(?=_)",  # a transition of DenseNet
)
# Words and numbers that do not stand together: the depthwise and the pointwise half of MobileNet's, NASNet's cells.
_APART = (
    (r"(?:.*/)?conv_(?:pad|dw|pw)_(\d+)(?=_|/|$)", "conv"),
    (
        r"(?:.*/)?(?:separable_conv_\d_(?:bn_|pad_)?)?(?:normal|reduction|adjust)_"
        r"(?:conv|bn|pad|add|concat|relu|avg|left|right)\w*?_((?:stem_|reduce_)?\d+)$",
        "cell",
    ),
)
_NUMBERED_PATTERNS = [re.compile(pattern, re.IGNORECASE) for pattern in _NUMBERED]
_APART_PATTERNS = [(re.compile(pattern), word) for pattern, word in _APART]
_WHOLE_WORD = re.compile(r"(?:block|layer|stage|cell)(?=/|$)", re.IGNORECASE)
_ATTENTION = re.compile(r"^.*?attention[^/]*(?=/.*/)")
_NORMALIZATION = re.compile(r"(?:norm[^/]*|(?:^|[_/])bn\d*|scalar_(?:bias|multiplier)(?:_\d+)?|layer_?scale[^/]*)$")
_SHORTCUT = re.compile(r"(?:^|/)conv\dd(?:_\d+)?$")
_DOWNSAMPLING = re.compile("down_?sampl", re.IGNORECASE)
STEM = "stem"


def numbered_blocks(names: Sequence[str]) -> list[str | None]:
    """Returns the block with a number that each layer's name tells, or None.

    Args:
        names: of the layers, with those of the models around them: `"encoder/block_3_norm"`.

    Example:
        >>> numbered_blocks(["conv1_bn", "conv2_block1_1_conv", "encoder/layer_3/query", "block2b_dwconv"])
        [None, 'conv2_block1', 'encoder/layer_3', 'block2b']
    """
    blocks = [_numbered(name) for name in names]
    # Keras gives the first layer of a class no number: res_block, res_block_1, res_block_2.
    first = {re.sub(r"_\d+$", "", block) for block in blocks if block}
    return [block or _without_number(name, first) for name, block in zip(names, blocks)]


def block_of_paths(paths: Sequence[str]) -> list[str]:
    """Returns the name of the block that each weight belongs to, by the paths alone.

    What is called a block, layer or stage with a number is one block with all that it holds; what comes before the
    first of them is `"stem"`. Elsewhere a layer is a block, with the normalization after it, and an attention is one
    layer. `tf_tricks.blocks.blocks_of` knows more: it looks at the model.

    Args:
        paths: of the weights, in the order of the model.

    Example:
        >>> block_of_paths(["conv/kernel", "conv_bn/gamma", "block_1/dense/kernel", "block_1/norm/beta", "top/kernel"])
        ['stem', 'stem', 'block_1', 'block_1', 'top']
    """
    layers = [path.rpartition("/")[0] for path in paths]
    numbered = numbered_blocks(layers)
    last = max((i for i, block in enumerate(numbered) if block), default=-1)
    blocks: list[str] = []
    for i, (path, layer, block) in enumerate(zip(paths, layers, numbered)):
        attention = _ATTENTION.search(path)
        if block:
            blocks.append(block)
        elif attention:
            blocks.append(attention.group())
        elif blocks and (_NORMALIZATION.search(layer) or _is_shortcut(layer, numbered[:i], i < last)):
            blocks.append(blocks[-1])
        else:
            blocks.append(layer)
    first = next((i for i, block in enumerate(numbered) if block), 0)
    if is_stem(len(set(blocks[:first])), len(set(layers))):
        blocks[:first] = [STEM] * first
    following = with_their_downsampling(blocks)
    return [following[block] for block in blocks]


def is_stem(layers_before: int, layers: int) -> bool:
    """Returns whether what comes before the first block is little enough to be the network's stem."""
    return 0 < layers_before < layers / 2


def with_their_downsampling(blocks: Iterable[str]) -> dict[str, str]:
    """Returns the block that each block is part of: a downsampling belongs to the stage that begins with it.

    Args:
        blocks: names, in the order of the network, each as often as you like.

    Example:
        >>> with_their_downsampling(["stage_0_block_2", "downsampling_block_0", "stage_1_block_0", "head"])["head"]
        'head'
    """
    order = list(dict.fromkeys(blocks))
    following = dict(zip(order, order))
    for block, after in itertools.pairwise(order):
        if all(map(_numbered, (block, after))) and [bool(_DOWNSAMPLING.search(b)) for b in (block, after)] == [1, 0]:
            following[block] = after
    return following


def _numbered(name):
    for pattern, word in _APART_PATTERNS:
        if found := pattern.match(name):
            return f"{word}_{found.group(1)}"
    found = next(filter(None, (pattern.match(name) for pattern in _NUMBERED_PATTERNS)), None)
    return found and found.group()


def _without_number(name, blocks):
    ends = [found.end() for found in _WHOLE_WORD.finditer(name)]
    return next((name[:end] for end in reversed(ends) if name[:end] in blocks), None)


def _is_shortcut(layer, blocks_before, more_follow):
    """A convolution that has no name of its own, between two blocks, goes around the first, as in Xception."""
    return bool(more_follow and any(blocks_before) and _SHORTCUT.search(layer))

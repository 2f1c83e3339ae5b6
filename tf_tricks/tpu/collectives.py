"""What chips exchange in a compiled program, as its text tells."""

import math
import re

_COLLECTIVE = re.compile(r"= (.*?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(?:-start)?\(")
_SHAPE = re.compile(r"\b(pred|bf16|[a-z]+(\d+)\w*)\[([\d,]*)\]")


def collectives(hlo: str) -> dict[str, tuple[int, int]]:
    """Returns for each kind of exchange between chips how many there are and how many bytes come out of them.

    Args:
        hlo: the text of a compiled program.

    Example:
        >>> collectives("%sum = (f32[8,2]{1,0}, bf16[3]{0}) all-reduce(%a, %b), to_apply=%add")
        {'all-reduce': (1, 70)}
    """
    found: dict[str, tuple[int, int]] = {}
    for shapes, name in _COLLECTIVE.findall(hlo):
        number, size = found.get(name, (0, 0))
        found[name] = number + 1, size + sum(map(_bytes, _SHAPE.findall(shapes)))
    return found


def _bytes(shape):
    kind, bits, sizes = shape
    bits = {"pred": 8, "bf16": 16}.get(kind) or int(bits)
    return math.prod(int(size) for size in sizes.split(",") if size) * bits // 8

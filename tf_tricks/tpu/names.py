"""How TPUs are called: a topology such as v5e:2x4, or Cloud's type of accelerator, such as v5litepod-8."""

import math
import re

from tf_tricks.errors import RequestError, unknown
from tf_tricks.tpu.chips import CHIPS

ALIASES = {"v5litepod": "v5e", "v5lite": "v5e"}
"""Other names of kinds of chips."""


def canonical(name: str) -> tuple[str, str, list[int]]:
    """Returns the topology that is meant, the kind of its chips and how many there are in each direction.

    Args:
        name: a topology, or a type of accelerator: its number counts chips for v5e and v6e, and the two cores of each
            chip for v4 and v5p.

    Raises:
        RequestError: there is none of this name.

    Example:
        >>> canonical("v5litepod-8")
        ('v5e:2x4', 'v5e', [2, 4])
        >>> canonical("v4-8")
        ('v4:2x2x1', 'v4', [2, 2, 1])
    """
    kind, mark, rest = re.fullmatch(r"([^:-]*)([:-]?)(.*)", str(name), re.DOTALL).groups()  # type: ignore[union-attr]
    kind = ALIASES.get(kind, kind)
    if kind not in CHIPS:
        raise unknown("TPU topology", name, [chip.example for chip in CHIPS.values()])
    sizes = _of_type(name, kind, rest) if mark == "-" else _of_layout(name, CHIPS[kind], rest)
    return f"{kind}:{'x'.join(map(str, sizes))}", kind, sizes


def _of_layout(name, chip, layout):
    """Chips in each direction, as a topology says them."""
    sizes = [int(size) for size in layout.split("x")] if re.fullmatch(r"\d{1,5}(x\d{1,5}){1,2}", layout) else [0]
    if not 1 <= math.prod(sizes) <= chip.pod:
        raise RequestError(
            f"there is no TPU topology {name!r}: after the colon stands how many chips there are in each direction, "
            f"{chip.pod} at most, for example {chip.example}"
        )
    if len(sizes) > chip.directions:
        raise RequestError(
            f"there is no TPU topology {name!r}: these chips are connected in {chip.directions} directions, not "
            f"{len(sizes)}; for example {chip.example}"
        )
    return sizes


def _of_type(name, kind, number):
    """Chips in each direction of the slice that Cloud gives for a type of accelerator: as equal as they can be."""
    chip = CHIPS[kind]
    cores = 2 if chip.directions == 3 else 1
    counted = "chips" if cores == 1 else "cores, two for each chip"
    allowed = [n * cores for n in (1, 4, 8, *(2**p for p in range(4, 13))) if n <= chip.pod and n * cores != 2]
    if number not in map(str, allowed):
        raise RequestError(
            f"there is no TPU {name!r}: after the hyphen stands the number of {counted}, one of "
            f"{', '.join(map(str, allowed))}; or give how many chips there are in each direction, such as "
            f"{chip.example}"
        )
    power = (int(number) // cores).bit_length() - 1
    if power == 2:
        return [2, 2, 1][: chip.directions]
    return [2 ** ((power + i) // chip.directions) for i in range(chip.directions)]

"""What the makers publish of each TPU chip, and the least time a step can take by it."""

from typing import NamedTuple


class Chip(NamedTuple):
    """A kind of TPU chip.

    Attributes:
        flops: peak, bfloat16 operations a second. Products of float32 matrices run so, too, unless one asks for more
            precision.
        bandwidth: of its memory, bytes a second.
        memory: bytes. The makers write GB, and mean 2³⁰ bytes: of the "16 GB" of a v5e, programs can have 15.75 GiB.
        pod: chips that can be connected, at most.
        example: a topology of four chips.
        directions: in which a chip has neighbours, 2 or 3.
        config: how libtpu names the configuration in which the chip is one device, or None where it always is.
    """

    flops: float
    bandwidth: float
    memory: int
    pod: int
    example: str
    directions: int = 2
    config: str | None = None


GIB = 2**30
SOURCE = "https://cloud.google.com/tpu/docs/system-architecture-tpu-vm and the pages of each version there"

CHIPS = {
    "v5e": Chip(197e12, 819e9, 16 * GIB, 256, "v5e:2x2"),
    "v6e": Chip(918e12, 1640e9, 32 * GIB, 256, "v6e:2x2"),
    "v4": Chip(275e12, 1200e9, 32 * GIB, 4096, "v4:2x2x1", 3, "megacore"),  # both cores of a chip as one device
    "v5p": Chip(459e12, 2765e9, 95 * GIB, 8960, "v5p:2x2x1", 3),
}
"""By the name with which a topology begins; the figures are those of `SOURCE`."""


def roofline(flops: float, bytes_accessed: float, chip: Chip) -> tuple[float, str]:
    """Returns the seconds that a program takes at least: all operations at the peak, all bytes at full bandwidth.

    An estimate, and never a measurement: it knows nothing of how well a program uses the chip, of the exchange between
    chips, or of the host that has to bring the data.

    Args:
        flops: operations of one chip.
        bytes_accessed: bytes that one chip reads and writes.
        chip: `Chip`.

    Returns:
        (seconds, what takes them: `"compute"` or `"memory"`).

    Example:
        >>> roofline(197e12, 819e6, CHIPS["v5e"])
        (1.0, 'compute')
    """
    compute, memory = flops / chip.flops, bytes_accessed / chip.bandwidth
    return max(compute, memory), "compute" if compute >= memory else "memory"
